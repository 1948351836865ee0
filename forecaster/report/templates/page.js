"use strict";
// Zooms and moves a picture by its viewBox, never beyond its edges; prints all of it.
(function () {
  const MOST = 16, FACTOR = 1.5, PART = 0.25;
  const KEYS = {
    "+": "in", "=": "in", "-": "out", "0": "home", ArrowLeft: "left",
    ArrowRight: "right", ArrowUp: "up", ArrowDown: "down",
  };
  const resets = [];

  function enable(box) {
    const svg = box.querySelector("svg"), view = box.querySelector(".picture");
    const state = box.querySelector(".state");
    const home = svg.getAttribute("viewBox").split(/\s+/).map(Number);
    let now = home.slice();

    function show(x, y, width, height) {
      now = [
        Math.min(Math.max(x, home[0]), home[0] + home[2] - width),
        Math.min(Math.max(y, home[1]), home[1] + home[3] - height), width, height,
      ];
      svg.setAttribute("viewBox", now.join(" "));
      const scale = home[2] / now[2];
      box.classList.toggle("zoomed", scale > 1.001);
      state.textContent = scale > 1.001 ? scale.toFixed(1) + " times as large" : "";
    }
    function scaleAt(factor, left, top) {
      const wanted = Math.min(Math.max((home[2] / now[2]) * factor, 1), MOST);
      const width = home[2] / wanted, height = home[3] / wanted;
      show(now[0] + left * (now[2] - width), now[1] + top * (now[3] - height), width, height);
    }
    function move(right, down) {
      show(now[0] + right * now[2], now[1] + down * now[3], now[2], now[3]);
    }
    const DO = {
      in: () => scaleAt(FACTOR, 0.5, 0.5), out: () => scaleAt(1 / FACTOR, 0.5, 0.5),
      left: () => move(-PART, 0), right: () => move(PART, 0),
      up: () => move(0, -PART), down: () => move(0, PART),
      home: () => show(home[0], home[1], home[2], home[3]),
    };
    resets.push(DO.home);

    box.querySelector(".buttons").hidden = false;
    box.querySelectorAll("button").forEach((button) => {
      button.addEventListener("click", () => DO[button.dataset.do]());
    });
    view.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
      event.preventDefault();
      DO[KEYS[event.key]]();
    });
    svg.addEventListener("dblclick", (event) => {
      const edge = svg.getBoundingClientRect();
      scaleAt(
        event.shiftKey ? 1 / FACTOR : FACTOR,
        (event.clientX - edge.left) / edge.width, (event.clientY - edge.top) / edge.height,
      );
    });
    let held = null;
    svg.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || !box.classList.contains("zoomed")) return;
      held = [event.clientX, event.clientY];
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointermove", (event) => {
      if (!held) return;
      const edge = svg.getBoundingClientRect();
      move((held[0] - event.clientX) / edge.width, (held[1] - event.clientY) / edge.height);
      held = [event.clientX, event.clientY];
    });
    ["pointerup", "pointercancel"].forEach((name) => {
      svg.addEventListener(name, () => { held = null; });
    });
  }
  document.querySelectorAll("[data-zoom]").forEach(enable);
  window.addEventListener("beforeprint", () => {
    resets.forEach((reset) => reset());
    document.querySelectorAll("details").forEach((folded) => { folded.open = true; });
  });
})();
