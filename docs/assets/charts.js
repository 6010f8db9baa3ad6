// Draws the charts of a page as they come into view, in the colours of its scheme.
(() => {
  const charts = [...document.querySelectorAll(".ina-chart")];
  if (!charts.length) return;
  const bundle = new URL("vega.js", document.currentScript.src);

  // Colours of methods are dark enough for white paper; on a dark page the darkest are mixed with white.
  function lighter(spec) {
    return spec.replace(/#[0-9a-f]{6}/gi, (colour) => {
      const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
      const light = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
      const share = Math.max(0, Math.min(1, (130 - light) / (255 - light)));
      const mixed = parts.map((part) => Math.round(part + share * (255 - part)));
      return "#" + mixed.map((part) => part.toString(16).padStart(2, "0")).join("");
    });
  }

  function config(dark) {
    const [text, line] = dark ? ["#dddddd", "#3d424d"] : ["#333333", "#dddddd"];
    const axis = { labelColor: text, titleColor: text, gridColor: line, domainColor: line, tickColor: line, titleFontWeight: "normal" };
    return { background: null, font: getComputedStyle(document.body).fontFamily, axis: { ...axis, labelFontSize: 11, titleFontSize: 12 }, legend: { labelColor: text, titleColor: text }, text: { color: text, fontSize: 11.5 }, rule: { color: text } };
  }

  async function draw(chart) {
    const dark = document.body.dataset.mdColorScheme === "slate";
    const text = chart.querySelector("script").textContent;
    const spec = JSON.parse(dark ? lighter(text) : text);
    const options = { config: config(dark), renderer: "svg", tooltip: { theme: dark ? "dark" : "light" }, actions: false };
    await vegaEmbed(chart.querySelector(".ina-plot"), spec, options);
    chart.dataset.drawn = document.body.dataset.mdColorScheme;
  }

  const script = Object.assign(document.createElement("script"), { src: bundle });
  script.onload = () => {
    const seen = new IntersectionObserver(
      (entries) =>
        entries.forEach((entry) => {
          if (!entry.isIntersecting) return;
          seen.unobserve(entry.target);
          draw(entry.target);
        }),
      { rootMargin: "600px" },
    );
    charts.forEach((chart) => seen.observe(chart));
    new MutationObserver(() => charts.filter((chart) => chart.dataset.drawn).forEach(draw)).observe(document.body, {
      attributeFilter: ["data-md-color-scheme"],
    });
  };
  document.head.append(script);
})();
