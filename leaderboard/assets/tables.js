// Sorting, search and filters of the tables, with their state in the address.
(function () {
  "use strict";

  var BADGES = ["reported", "recomputed", "rerun"];
  var FIELDS = ["q", "size", "badge", "open", "complete"];

  document.querySelectorAll("table[data-rich]").forEach(start);

  function start(element) {
    var form = document.querySelector('form[data-for="' + element.id + '"]');
    var heads = Array.prototype.slice.call(element.tHead.rows[element.tHead.rows.length - 1].cells);
    var names = heads.map(function (head) { return head.dataset.name; });
    var initial = element.dataset.sort;
    var sort = initial;
    var quiet = false;

    var table = new DataTable(element, {
      paging: false,
      autoWidth: false,
      order: ordering(initial),
      orderMulti: false,
      layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null },
      language: { zeroRecords: "No result passes these filters. Reset shows all." },
      columnDefs: [{
        // Figures are more interesting from the top.
        targets: heads.map(function (head, i) { return head.classList.contains("n") && names[i] !== "tier" ? i : -1; })
          .filter(function (i) { return i >= 0; }),
        orderSequence: ["desc", "asc"]
      }, {
        targets: "_all",
        orderSequence: ["asc", "desc"]
      }]
    });

    table.on("order", function () {
      var order = table.order()[0];
      sort = order ? names[order[0]] + "-" + order[1] : initial;
      write();
    });

    if (!form) return;
    form.hidden = false;
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    form.addEventListener("input", function () { apply(); write(); });
    form.addEventListener("change", function () { apply(); write(); });
    document.getElementById("clear").addEventListener("click", function () {
      form.reset();
      table.order(ordering(initial));
      apply();
      write();
    });
    window.addEventListener("hashchange", function () { read(); });

    table.search.fixed("filters", function (text, data, index) {
      var row = table.row(index).node();
      return !row || passes(row.dataset);
    });
    read();
    document.documentElement.dataset.ready = String(Math.round(performance.now()));

    // The baselines are references: filters leave them where they are.
    function passes(row) {
      if (row.kind === "baseline") return true;
      if (checked("open") && row.open !== "1") return false;
      if (checked("complete") && row.complete !== "1") return false;
      var size = parseFloat(value("size"));
      if (size >= 0 && !(parseFloat(row.parameters) <= size * 1e9)) return false;
      var badge = value("badge");
      return !badge || BADGES.indexOf(row.badge) >= BADGES.indexOf(badge);
    }

    function field(name) { return form.elements.namedItem(name); }
    function value(name) { return field(name) ? field(name).value : ""; }
    function checked(name) { return Boolean(field(name) && field(name).checked); }

    function apply() {
      table.search(value("q")).draw();
      var all = 0;
      var shown = 0;
      table.rows().nodes().each(function (row) { if (row.dataset.kind !== "baseline") all += 1; });
      table.rows({ search: "applied" }).nodes().each(function (row) { if (row.dataset.kind !== "baseline") shown += 1; });
      document.getElementById("count").textContent =
        "Showing " + shown + " of " + all + " " + (element.dataset.noun || "result") + (all === 1 ? "." : "s.");
    }

    function ordering(text) {
      var cut = text.lastIndexOf("-");
      var column = names.indexOf(text.slice(0, cut));
      return column < 0 ? [] : [[column, text.slice(cut + 1) === "asc" ? "asc" : "desc"]];
    }

    function read() {
      var hash = location.hash.slice(1);
      if (hash && hash.indexOf("=") < 0) return; // a place in the page, no state
      var state = new URLSearchParams(hash);
      quiet = true;
      FIELDS.forEach(function (name) {
        var input = field(name);
        if (!input) return;
        if (input.type === "checkbox") input.checked = state.get(name) === "1";
        else input.value = state.get(name) || "";
      });
      var wanted = ordering(state.get("sort") || initial);
      table.order(wanted.length ? wanted : ordering(initial));
      apply();
      quiet = false;
    }

    function write() {
      if (quiet || !form) return;
      var state = new URLSearchParams();
      FIELDS.forEach(function (name) {
        var input = field(name);
        if (!input) return;
        if (input.type === "checkbox" ? input.checked : input.value) {
          state.set(name, input.type === "checkbox" ? "1" : input.value);
        }
      });
      if (sort !== initial) state.set("sort", sort);
      var text = state.toString();
      history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
    }
  }
})();
