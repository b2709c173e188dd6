"use strict";
// Charts: drawn when they come near the window, thrown away when they are far from it.
{
  const source = document.getElementById("chart-data");
  let parsed = null;
  const load = () => (parsed ??= JSON.parse(source.textContent));
  const HEIGHT = 320;
  /** Variants that a chart of all shows before the reader chooses. */
  const FIRST_CHOSEN = 6;
  const charts = new Map();

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") made.addEventListener(name, value);
      else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** What the charts of a section show, which have the same axes and colours. */
  const entriesOf = (section) =>
    [...section.querySelectorAll("figure.chart:not([data-chosen])")].map((one) => JSON.parse(one.dataset.entries));

  class Chart {
    constructor(figure) {
      this.figure = figure;
      this.data = load();
      this.all = JSON.parse(figure.dataset.entries);
      this.isChosen = "chosen" in figure.dataset;
      this.entries = this.isChosen ? this.firstChosen() : this.all;
      this.beside = this.isChosen ? [] : entriesOf(figure.closest("section"));
      this.state = { panel: this.data.ranked, log: false, smooth: 0, seeds: false, off: new Set() };
      this.plotting = element("div", { class: "plotting", tabindex: "0", role: "application" });
      this.heard = element("p", { class: "unseen", role: "status" });
      this.legend = element("div", { class: "legend", role: "group", "aria-label": say("Curves") });
      this.where = element("p", { class: "where" });
      figure.replaceChildren(
        element("figcaption", { dir: "auto" }, figure.dataset.text),
        this.tools(),
        this.plotting,
        this.legend,
        this.where,
        this.heard,
      );
      this.plotting.addEventListener("keydown", (event) => this.move(event));
      new ResizeObserver(() => this.plot?.setSize({ width: this.width, height: HEIGHT })).observe(this.plotting);
    }

    get width() {
      return Math.max(240, this.plotting.clientWidth);
    }

    /** The baseline, and the variants that come next. */
    firstChosen() {
      const known = this.all.filter(([, variant]) => this.data.variants[variant].runs.length);
      const baselines = known.filter(([, variant]) => this.data.variants[variant].baseline);
      const others = known.filter(([, variant]) => !this.data.variants[variant].baseline);
      return [...baselines.slice(0, 1), ...others.slice(0, FIRST_CHOSEN)];
    }

    tools() {
      const change = (name, read) => (event) => {
        this.state[name] = read(event.target);
        this.draw();
      };
      const metric = element("select", { change: change("panel", (from) => Number(from.value)) });
      this.data.panels.forEach(([title, , thin], place) => {
        const text = thin >= 0 ? say("{metric} (training dashed)", { metric: title }) : title;
        metric.append(element("option", { value: place, ...(place === this.state.panel && { selected: "" }) }, text));
      });
      const smooth = element("input", { type: "range", min: 0, max: 0.95, step: 0.05, value: 0 });
      const shown = element("output", {}, "0");
      smooth.addEventListener("input", () => {
        shown.textContent = Number(smooth.value)
          .toFixed(2)
          .replace(/^0\.00$/, "0");
        this.state.smooth = Number(smooth.value);
        this.draw();
      });
      const tools = element(
        "div",
        { class: "tools" },
        element("label", {}, say("Show"), metric),
        element("label", {}, say("Smooth"), smooth, shown),
        element(
          "label",
          {},
          element("input", { type: "checkbox", change: change("seeds", (from) => from.checked) }),
          say("each seed"),
        ),
        element(
          "label",
          {},
          element("input", { type: "checkbox", change: change("log", (from) => from.checked) }),
          say("log scale"),
        ),
        element("button", { type: "button", click: () => this.draw() }, say("Whole view")),
      );
      if (this.isChosen) tools.prepend(this.chooser());
      return tools;
    }

    chooser() {
      const summary = element("summary", {});
      const count = () =>
        (summary.textContent = say("Variants: {n} of {all}", { n: this.entries.length, all: this.all.length }));
      const list = element("ul");
      for (const entry of this.all) {
        const box = element("input", { type: "checkbox" });
        box.checked = this.entries.includes(entry);
        box.addEventListener("change", () => {
          const chosen = new Set(this.entries);
          if (box.checked) chosen.add(entry);
          else chosen.delete(entry);
          this.entries = this.all.filter((one) => chosen.has(one));
          count();
          this.draw();
        });
        list.append(element("li", {}, element("label", {}, box, element("bdi", {}, entry[0]))));
      }
      const search = element("input", { type: "search", "aria-label": say("Search variants"), placeholder: say("Search") });
      search.addEventListener("input", () => {
        const text = search.value.toLowerCase();
        for (const item of list.children) item.hidden = !item.textContent.toLowerCase().includes(text);
      });
      count();
      const made = element("details", { class: "chooser" }, summary, element("div", {}, search, list));
      made.addEventListener("keydown", (event) => {
        if (event.key === "Escape") made.open = false;
      });
      return made;
    }

    draw() {
      const colours = coloured(this.data, this.entries, this.isChosen ? [this.entries] : this.beside);
      const beside = this.beside.length > 1 ? this.beside.map((one) => curvesOf(this.data, this.state, one)) : [];
      const longest = Math.max(1, ...beside.flat().map((curve) => curve.length));
      const columns = columnsOf(this.data, this.state, this.entries, colours, longest);
      const metric = this.data.metrics[this.data.panels[this.state.panel][1]];
      this.means = columns.means;
      this.owners = columns.owners;
      this.percent = metric.percent;
      this.erase();
      // what a reader switches off makes room for the rest
      const found = limits(columns.shown, this.state.off.size ? null : commonLimits(beside, metric.percent));
      this.remark = found
        ? found.hidden
          ? `${say("{n} of {all} curves leave the picture.", { n: found.hidden, all: found.count })} `
          : ""
        : `${say("Nothing was recorded.")} `;
      if (this.data.stride > 1) this.remark += `${say("One epoch in {n} is drawn.", { n: this.data.stride })} `;
      const labels = this.entries.map(([label]) => label).join(", ");
      const said = say("{text}. {metric} of {names}. Arrow keys read values.", {
        text: this.figure.dataset.text,
        metric: metric.label,
        names: labels,
      });
      this.plotting.setAttribute("aria-label", said);
      this.plot = new uPlot(this.options(columns, metric, found), [columns.x, ...columns.values], this.plotting);
      this.drawLegend(colours);
      this.read(null);
    }

    options(columns, metric, found) {
      const font = "12px system-ui, sans-serif";
      const axis = {
        stroke: style("--quiet"),
        font,
        labelFont: font,
        grid: { stroke: style("--line"), width: 1 },
        ticks: { stroke: style("--line"), width: 1, size: 5 },
      };
      const aside = found ? 0.04 * (found.high - found.low) || 0.02 * Math.abs(found.high) || 0.5 : 0;
      const range = found ? [found.low - aside, found.high + aside] : [0, 1];
      const last = columns.x[columns.x.length - 1];
      return {
        width: this.width,
        height: HEIGHT,
        legend: { show: false },
        cursor: {
          bind: { dblclick: () => () => this.draw() },
          drag: { x: true, y: true, uni: 20, dist: 4 },
          points: { size: (_, place) => (columns.marked[place] ? 8 : 0), width: () => 0 },
        },
        scales: {
          x: { time: false, range: (_, low, high) => (low === high ? [low - 0.5, high + 0.5] : [low, high]) },
          y: this.state.log ? { distr: 3 } : { range: (_, low, high) => (this.zooms ? [low, high] : range) },
        },
        axes: [
          {
            ...axis,
            label: say("epoch"),
            labelSize: 22,
            size: 34,
            space: 60,
            incrs: [1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 2000, 5000],
            values: (_, ticks) => ticks.map((tick) => (tick <= last ? tick : "")),
          },
          { ...axis, label: metric.percent ? say("{metric}, %", { metric: metric.label }) : metric.label, labelSize: 24, size: 52 },
        ],
        series: columns.series,
        bands: columns.bands,
        hooks: { setCursor: [(plot) => this.read(plot.cursor.idx)], setSelect: [() => (this.zooms = true)] },
      };
    }

    drawLegend(colours) {
      this.values = [];
      this.legend.replaceChildren(
        ...this.entries.map(([label, variant], place) => {
          const line = document.createElementNS("http://www.w3.org/2000/svg", "svg");
          line.setAttribute("aria-hidden", "true");
          const stroke = document.createElementNS("http://www.w3.org/2000/svg", "line");
          for (const [name, value] of Object.entries({
            x1: 0,
            x2: "100%",
            y1: "50%",
            y2: "50%",
            stroke: colours[place],
            "stroke-width": 3,
          }))
            stroke.setAttribute(name, value);
          line.append(stroke);
          const value = element("span", { class: "value" });
          this.values.push(value);
          const press = () => {
            if (!this.state.off.delete(variant)) this.state.off.add(variant);
            this.draw();
            this.legend.children[place].focus({ focusVisible: false });
          };
          const light = () => this.light(variant);
          const darken = () => this.light(null);
          const events = { click: press, pointerenter: light, pointerleave: darken, focus: light, blur: darken };
          return element(
            "button",
            { type: "button", "aria-pressed": !this.state.off.has(variant), ...events },
            line,
            element("bdi", {}, label),
            value,
          );
        }),
      );
    }

    /** Show the curves of one variant, the others faintly; null shows all alike. */
    light(variant) {
      if (!this.plot || this.entries.length < 2) return;
      this.plot.series.forEach(
        (series, place) => (series.alpha = variant === null || this.owners[place] === variant ? 1 : 0.12),
      );
      this.plot.redraw(false);
    }

    /** Say what the curves are at an epoch; null takes it back. */
    read(index) {
      const isAt = index !== null && index !== undefined;
      this.where.textContent =
        this.remark +
        (isAt
          ? say("Epoch {epoch}, mean over seeds", { epoch: this.plot?.data[0][index] ?? 1 + index * this.data.stride })
          : say("Drag to zoom, point to read."));
      this.values.forEach((shown, place) => (shown.textContent = isAt ? this.text(this.means[place][index]) : ""));
    }

    text(value) {
      if (value === null || value === undefined) return "";
      return this.percent ? `${value.toFixed(2)} %` : String(Number(value.toPrecision(4)));
    }

    /** Arrow keys move the cursor from epoch to epoch. */
    move(event) {
      const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
      if (step === undefined || !this.plot) return;
      event.preventDefault();
      const x = this.plot.data[0];
      const index = Math.min(x.length - 1, Math.max(0, (this.plot.cursor.idx ?? (step > 0 ? -1 : x.length)) + step));
      this.plot.setCursor({ left: this.plot.valToPos(x[index], "x"), top: this.plot.over.clientHeight / 2 });
      const said = this.entries.map(
        ([label], place) => `${label} ${this.text(this.means[place][index]) || say("no value")}`,
      );
      this.heard.textContent = say("Epoch {epoch}: {values}", { epoch: x[index], values: said.join(", ") });
    }

    erase() {
      this.zooms = false;
      this.plot?.destroy();
      this.plot = null;
    }
  }

  function chartOf(figure) {
    if (!charts.has(figure)) charts.set(figure, new Chart(figure));
    return charts.get(figure);
  }

  if (source) {
    const figures = [...document.querySelectorAll("figure.chart")];
    const observer = new IntersectionObserver(
      (seen) => {
        for (const { target, isIntersecting } of seen) {
          if (isIntersecting && !charts.get(target)?.plot) chartOf(target).draw();
          else if (!isIntersecting) charts.get(target)?.erase();
        }
      },
      { rootMargin: "1000px" },
    );
    figures.forEach((figure) => observer.observe(figure));
    const redraw = () => charts.forEach((chart) => chart.plot && chart.draw());
    document.addEventListener("themechange", redraw);
    addEventListener("beforeprint", () => figures.forEach((figure) => chartOf(figure).plot ?? chartOf(figure).draw()));
  }
}
