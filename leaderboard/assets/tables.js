// Sorting, search and filters of the tables, with their state in the address.
(function () {
  "use strict";

  var BADGES = ["reported", "recomputed", "rerun"];
  var FIELDS = ["q", "size", "badge", "open", "complete", "unseen"];

  // A page has one form at most, for all of its tables.
  var form = document.querySelector("form.filters");
  var tables = Array.prototype.map.call(document.querySelectorAll("table[data-rich]"), start);
  var quiet = false;

  if (!form || !tables.length) return;
  form.hidden = false;
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  form.addEventListener("input", function () { apply(); write(); });
  form.addEventListener("change", function () { apply(); write(); });
  document.getElementById("clear").addEventListener("click", function () {
    form.reset();
    columns.forEach(function (one) {
      one.box.checked = one.initial;
      show(one.table, one.index, one.initial);
    });
    tables.forEach(function (one) { one.order(one.initial); });
    apply();
    write();
  });
  window.addEventListener("hashchange", read);
  var picker = document.getElementById("columns");
  var columns = picker ? choices(tables[0].element) : [];
  read();
  document.documentElement.dataset.ready = String(Math.round(performance.now()));

  function start(element, number, all) {
    var heads = Array.prototype.slice.call(element.tHead.rows[element.tHead.rows.length - 1].cells);
    var names = heads.map(function (head) { return head.dataset.name; });
    var one = {
      element: element,
      key: all.length > 1 ? "sort-" + element.id : "sort",
      initial: element.dataset.sort,
      sort: element.dataset.sort,
      order: function (text) {
        var wanted = ordering(text);
        one.table.order(wanted.length ? wanted : ordering(one.initial));
      }
    };

    one.table = new DataTable(element, {
      paging: false,
      autoWidth: false,
      order: ordering(one.initial),
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
    one.table.on("order", function () {
      var order = one.table.order()[0];
      one.sort = order ? names[order[0]] + "-" + order[1] : one.initial;
      write();
    });
    one.table.search.fixed("filters", function (text, data, index) {
      var row = one.table.row(index).node();
      return !row || passes(row.dataset);
    });
    return one;

    function ordering(text) {
      var cut = text.lastIndexOf("-");
      var column = names.indexOf(text.slice(0, cut));
      return column < 0 ? [] : [[column, text.slice(cut + 1) === "asc" ? "asc" : "desc"]];
    }
  }

  // A box for each column but those of the model and its accuracy. On a phone few are shown at first.
  function choices(table) {
    var narrow = matchMedia("(max-width: 46rem)").matches;
    var heads = Array.prototype.slice.call(table.tHead.rows[0].cells);
    return heads.map(function (head, index) {
      var name = head.dataset.name;
      var initial = !head.classList.contains("opt") && !(narrow && head.classList.contains("more"));
      if (name === "model" || name === "accuracy") return null;
      var label = document.createElement("label");
      var box = document.createElement("input");
      box.type = "checkbox";
      box.checked = initial;
      label.append(box, " " + head.textContent.replace(/\u00ad/g, "").trim());
      picker.append(label);
      box.addEventListener("change", function (event) {
        event.stopPropagation();
        show(table, index, box.checked);
        write();
      });
      box.addEventListener("input", function (event) { event.stopPropagation(); });
      show(table, index, initial);
      return { name: name, box: box, index: index, initial: initial, table: table };
    }).filter(Boolean);
  }

  function show(table, index, shown) {
    table.querySelectorAll("tr").forEach(function (row) {
      if (row.cells[index] && row.cells.length > 1) row.cells[index].hidden = !shown;
    });
    // Rows that a filter hides are not in the page.
    new DataTable.Api(table).rows().nodes().each(function (row) { row.cells[index].hidden = !shown; });
  }

  // The baselines are references: filters leave them where they are.
  function passes(row) {
    if (row.kind === "baseline") return true;
    if (checked("open") && row.open !== "1") return false;
    if (checked("complete") && row.complete !== "1") return false;
    if (checked("unseen") && row.saw !== "no") return false;
    var size = parseFloat(value("size"));
    if (size >= 0 && !(parseFloat(row.parameters) <= size * 1e9)) return false;
    var badge = value("badge");
    return !badge || BADGES.indexOf(row.badge) >= BADGES.indexOf(badge);
  }

  function field(name) { return form && form.elements.namedItem(name); }
  function value(name) { return field(name) ? field(name).value : ""; }
  function checked(name) { return Boolean(field(name) && field(name).checked); }

  function apply() {
    var all = 0;
    var shown = 0;
    tables.forEach(function (one) {
      one.table.search(value("q")).draw();
      one.table.rows().nodes().each(function (row) { if (row.dataset.kind !== "baseline") all += 1; });
      one.table.rows({ search: "applied" }).nodes().each(function (row) { if (row.dataset.kind !== "baseline") shown += 1; });
    });
    document.getElementById("count").textContent =
      "Showing " + shown + " of " + all + " " + (tables[0].element.dataset.noun || "result") + (all === 1 ? "." : "s.");
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
    tables.forEach(function (one) { one.order(state.get(one.key) || one.initial); });
    var other = (state.get("columns") || "").split(",");
    columns.forEach(function (one) {
      one.box.checked = one.initial !== (other.indexOf(one.name) >= 0);
      show(one.table, one.index, one.box.checked);
    });
    apply();
    quiet = false;
  }

  function write() {
    if (quiet || !form || !tables) return;
    var state = new URLSearchParams();
    FIELDS.forEach(function (name) {
      var input = field(name);
      if (!input) return;
      if (input.type === "checkbox" ? input.checked : input.value) {
        state.set(name, input.type === "checkbox" ? "1" : input.value);
      }
    });
    tables.forEach(function (one) { if (one.sort !== one.initial) state.set(one.key, one.sort); });
    // What differs from what is shown at first.
    var other = columns.filter(function (one) { return one.box.checked !== one.initial; });
    if (other.length) state.set("columns", other.map(function (one) { return one.name; }).join(","));
    var text = state.toString();
    history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
  }
})();
