// Results of one task side by side, computed here from how many samples of a tweet are right.
(function () {
  "use strict";

  var RESAMPLES = 2000;
  var DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  var MINUS = "\u2212";

  var data = JSON.parse(document.getElementById("data").textContent);
  var byId = function (id) { return document.getElementById(id); };
  var task = null;
  var chosen = []; // keys, in the order in which they were chosen

  document.querySelector(".without-script").hidden = true;
  if (!data.tasks.length) return;

  data.tasks.forEach(function (one) { byId("task").add(new Option(one.title, one.key)); });
  byId("choose").hidden = false;
  byId("models").hidden = false;
  byId("choose").addEventListener("submit", function (event) { event.preventDefault(); });
  byId("task").addEventListener("change", function () { select(byId("task").value, []); write(); });
  byId("find").addEventListener("input", find);
  byId("choices").addEventListener("change", function (event) {
    var key = event.target.value;
    chosen = chosen.filter(function (one) { return one !== key; });
    if (event.target.checked) chosen.push(key);
    show();
    write();
  });
  window.addEventListener("hashchange", read);
  read();
  document.documentElement.dataset.ready = String(Math.round(performance.now()));

  function read() {
    var hash = location.hash.slice(1);
    if (hash && hash.indexOf("=") < 0) return; // a place in the page, no state
    var state = new URLSearchParams(hash);
    var models = state.get("models");
    select(state.get("task") || data.tasks[0].key, models ? models.split(",") : []);
  }

  function write() {
    var state = new URLSearchParams({ task: task.key, models: chosen.join(",") });
    history.replaceState(null, "", "#" + state.toString());
  }

  // Show a task. A single model, as its own page links it, is set beside the best other one.
  function select(key, keys) {
    task = data.tasks.find(function (one) { return one.key === key; }) || data.tasks[0];
    byId("task").value = task.key;
    var known = task.results.map(function (one) { return one.key; });
    chosen = keys.filter(function (one, i) { return known.indexOf(one) >= 0 && keys.indexOf(one) === i; });
    known.forEach(function (one) {
      if (chosen.length < 2 && chosen.indexOf(one) < 0) chosen.push(one);
    });
    var list = byId("choices");
    list.textContent = "";
    task.results.forEach(function (one) {
      var label = element("label");
      var box = element("input");
      box.type = "checkbox";
      box.value = one.key;
      box.checked = chosen.indexOf(one.key) >= 0;
      var text = element("span", one.name + " ");
      text.append(element("small", one.about));
      label.append(box, text);
      list.append(label);
    });
    find();
    show();
  }

  function find() {
    var wanted = byId("find").value.trim().toLowerCase();
    Array.prototype.forEach.call(byId("choices").children, function (label) {
      label.hidden = label.textContent.toLowerCase().indexOf(wanted) < 0 && !label.firstChild.checked;
    });
  }

  function show() {
    var results = chosen.map(function (key) {
      return task.results.find(function (one) { return one.key === key; });
    });
    byId("result").hidden = results.length < 2;
    byId("status").textContent = results.length < 2
      ? (task.results.length < 2 ? "This task has one result only; there is nothing to compare it with." : "Choose two results or more.")
      : results.length + " results on " + task.title + ", " + task.tweets + " tweets.";
    if (results.length >= 2) draw(results);
  }

  function draw(results) {
    var table = byId("table");
    table.textContent = "";
    var head = element("thead");
    var names = line(head, "");
    results.forEach(function (one, i) {
      var cell = element("th");
      cell.scope = "col";
      cell.className = "n";
      var link = element("a", one.name);
      link.href = one.page;
      cell.append(link, element("br"), element("small", one.about + (i ? "" : " (first)")));
      names.append(cell);
    });
    ["Majority class", "Uniform chance"].forEach(function (name) {
      var cell = element("th", name);
      cell.scope = "col";
      cell.className = "n";
      names.append(cell);
    });
    var body = element("tbody");
    var blank = ["", ""];
    // What always naming the most frequent relation, and chance, would reach.
    var counted = task.relations;
    var majority = counted.indexOf(Math.max.apply(null, counted));
    function shareOf(isRight) {
      var sum = function (all) { return all.reduce(function (a, b) { return a + b; }, 0); };
      return sum(counted.filter(function (n, r) { return isRight(r); })) / sum(counted);
    }
    function figures(name, get, references) {
      var row = line(body, name);
      results.forEach(function (one) { row.append(number(get(one))); });
      (references || blank).forEach(function (text) { row.append(number(text)); });
    }
    function part(name) {
      var row = element("tr");
      row.className = "part";
      var cell = element("th", name);
      cell.colSpan = results.length + 3;
      cell.scope = "rowgroup";
      row.append(cell);
      body.append(row);
    }
    part("In %");
    figures("Accuracy", function (one) { return percent(one.accuracy); }, [percent(shareOf(function (r) { return r === majority; })), percent(task.chance)]);
    figures("95 % interval", function (one) { return one.interval ? percent(one.interval[0]) + " to " + percent(one.interval[1]) : "–"; });
    figures("SD across seeds", function (one) { return percent(one.sd); });
    figures("Unparseable", function (one) { return percent(one.unparseable); });
    figures("Tier on the board", function (one) { return String(one.tier); });
    part("Right answers by question, in %");
    figures(data.questions[0], function (one) { return percent(one.adds); },
      [percent(shareOf(function (r) { return (r < 2) === (majority < 2); })), "50.0"]);
    figures(data.questions[1], function (one) { return percent(one.represented); },
      [percent(shareOf(function (r) { return r % 2 === majority % 2; })), "50.0"]);
    part("Recall by relation, in %");
    data.relations.forEach(function (label, r) {
      figures(label, function (one) { return percent(one.recall && one.recall[r]); },
        [r === majority ? "100.0" : "0.0", percent(task.chance)]);
    });
    part("Against " + results[0].name);
    var counts = results.map(right);
    var tests = results.map(function (one, i) { return i ? against(one, counts[i], results[0], counts[0]) : null; });
    function tested(name, get) { figures(name, function (one) { var t = tests[results.indexOf(one)]; return t ? get(t) : ""; }); }
    tested("p, exact McNemar, adjusted", function (t) { return t.mcnemar; });
    tested("p, t test of the mean difference, adjusted", function (t) { return t.t; });
    tested("Verdict of the board", function (t) {
      return t.better ? "significantly " + (t.better > 0 ? "better" : "worse") : "not significantly different";
    });
    tested("Difference, percentage points", function (t) { return points(t.difference); });
    tested("95 % interval", function (t) { return t.interval ? points(t.interval[0]) + " to " + points(t.interval[1]) : "–"; });
    tested("Tweets only this one has right", function (t) { return String(t.only); });
    tested("Tweets only the first has right", function (t) { return String(t.onlyFirst); });
    tested("p, exact McNemar, one pair, not adjusted", function (t) { return pValue(t.p); });
    Array.prototype.forEach.call(body.lastChild.cells, function (cell, i) {
      if (i > 1 && tests[i - 1]) cell.dataset.p = String(tests[i - 1].p);
    });
    table.append(head, body);

    function line(parent, name) {
      var row = element("tr");
      var cell = element(parent.tagName === "THEAD" ? "td" : "th", name);
      if (cell.tagName === "TH") { cell.scope = "row"; cell.className = "model"; }
      row.append(cell);
      parent.append(row);
      return row;
    }
  }

  function right(one) {
    return typeof one.right === "string"
      ? Array.from(one.right, function (digit) { return DIGITS.indexOf(digit); })
      : one.right;
  }

  function against(a, countsA, b, countsB) {
    var n = countsA.length;
    var differences = new Float64Array(n);
    var only = 0;
    var onlyFirst = 0;
    for (var i = 0; i < n; i += 1) {
      differences[i] = countsA[i] / a.samples - countsB[i] / b.samples;
      var rightA = countsA[i] * 2 > a.samples;
      var rightB = countsB[i] * 2 > b.samples;
      if (rightA && !rightB) only += 1;
      if (rightB && !rightA) onlyFirst += 1;
    }
    return {
      better: a.better[task.results.indexOf(b)],
      mcnemar: adjusted(a.mcnemar, b),
      t: adjusted(a.t, b),
      difference: mean(differences),
      interval: interval(differences),
      only: only,
      onlyFirst: onlyFirst,
      p: mcnemar(only, onlyFirst)
    };
  }

  // One of the p values of a result against all of its task: thousandths, two digits each.
  function adjusted(all, other) {
    var at = 2 * task.results.indexOf(other);
    return pValue(parseInt(all.slice(at, at + 2), 36) / 1000);
  }

  function pValue(p) { return p < 0.001 ? "< 0.001" : p.toFixed(3); }

  // Two-sided exact McNemar: twice the lower tail of Binomial(a + b, 1/2), at most 1.
  function mcnemar(a, b) {
    var n = a + b;
    var log = -n * Math.LN2;
    var sum = 0;
    for (var k = 0; k <= Math.min(a, b); k += 1) {
      if (k) log += Math.log(n - k + 1) - Math.log(k);
      sum += Math.exp(log);
    }
    return Math.min(1, 2 * sum);
  }

  function interval(values) {
    var n = values.length;
    if (n < 2) return null;
    var random = mulberry32(0);
    var means = new Float64Array(RESAMPLES);
    for (var r = 0; r < RESAMPLES; r += 1) {
      var sum = 0;
      for (var i = 0; i < n; i += 1) sum += values[Math.floor(random() * n)];
      means[r] = sum / n;
    }
    means.sort();
    return [quantile(means, 0.025), quantile(means, 0.975)];
  }

  function quantile(sorted, share) {
    var at = share * (sorted.length - 1);
    var low = Math.floor(at);
    return sorted[low] + (at - low) * (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]);
  }

  function mulberry32(seed) {
    return function () {
      seed = (seed + 0x6d2b79f5) | 0;
      var t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  function mean(values) {
    var sum = 0;
    for (var i = 0; i < values.length; i += 1) sum += values[i];
    return sum / values.length;
  }

  function percent(value) { return typeof value === "number" ? (100 * value).toFixed(1) : "–"; }

  function points(value) {
    var text = (100 * value).toFixed(1);
    if (text === "0.0" || text === "-0.0") return "0.0";
    return value > 0 ? "+" + text : text.replace("-", MINUS);
  }

  function number(text) {
    var cell = element("td", text);
    cell.className = "n";
    return cell;
  }

  function element(name, text) {
    var made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    return made;
  }
})();
