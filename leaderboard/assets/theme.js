// The theme: that of the system, or the reader's own choice. Runs before the page is drawn.
(function () {
  "use strict";

  var THEMES = ["system", "light", "dark"];
  var root = document.documentElement;
  root.classList.add("js");

  function stored() {
    try { return localStorage.getItem("itr-bench-theme"); } catch (error) { return null; }
  }

  function set(theme) {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    var button = document.getElementById("theme");
    if (button) button.textContent = "Theme: " + theme;
  }

  var current = THEMES.indexOf(stored()) < 0 ? "system" : stored();
  set(current);
  document.addEventListener("DOMContentLoaded", function () {
    var button = document.getElementById("theme");
    button.hidden = false;
    set(current);
    button.addEventListener("click", function () {
      current = THEMES[(THEMES.indexOf(current) + 1) % THEMES.length];
      try { localStorage.setItem("itr-bench-theme", current); } catch (error) { /* kept for this page only */ }
      set(current);
    });
    document.querySelectorAll(".scroll").forEach(function (box) {
      function mark() { box.classList.toggle("overflows", box.scrollWidth > box.clientWidth + 1); }
      mark();
      if (window.ResizeObserver) {
        var observer = new ResizeObserver(mark);
        observer.observe(box);
        if (box.firstElementChild) observer.observe(box.firstElementChild);
      }
    });
  });
})();
