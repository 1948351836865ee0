"use strict";
// Draws the pictures of plotly in the page's colours, and again when these change.
(function () {
  const OPTIONS = {
    responsive: true, displaylogo: false, showSendToCloud: false, scrollZoom: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d"],
  };
  const NAMED = ["ink", "blue", "orange"];
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }
  function draw(place) {
    const picture = JSON.parse(document.getElementById("live-" + place.dataset.key).textContent);
    const ink = colour("--ink"), card = colour("--card"), line = colour("--line");
    picture.data.forEach((trace) => {
      if (NAMED.includes(trace.line.color)) trace.line.color = colour("--" + trace.line.color);
    });
    const axis = { gridcolor: line, linecolor: line, zerolinecolor: line };
    Object.assign(picture.layout, {
      paper_bgcolor: card, plot_bgcolor: card, font: { color: ink, size: 13 },
      hoverlabel: { bgcolor: card, bordercolor: line, font: { color: ink }, namelength: -1 },
    });
    Object.assign(picture.layout.modebar, {
      color: colour("--soft"), activecolor: ink, bgcolor: "rgba(0,0,0,0)",
    });
    if (window.innerWidth < 600) {  // a phone: the legend takes several rows
      picture.layout.height = 620;
      picture.layout.font.size = 11;
      picture.layout.margin.r = 8;
    }
    Object.assign(picture.layout.xaxis, axis);
    Object.assign(picture.layout.yaxis, axis);
    place.hidden = false;
    place.closest("figure").classList.add("drawn");
    Plotly.react(place, picture.data, picture.layout, OPTIONS);
  }
  function drawAll() { document.querySelectorAll(".live").forEach(draw); }
  drawAll();
  dark.addEventListener("change", drawAll);
})();
