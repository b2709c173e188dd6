"use strict";
// What uPlot is given: aligned columns, a style for each, and bands between two of them.

const PALETTE = {
  light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"],
  dark: ["#4aa3df", "#f0803c", "#2bb98d", "#e09cc2", "#f2b632", "#8fd0f7"],
};
const BASELINE = { light: "#000000", dark: "#f2f2f2" };
/** Beyond six: plasma, which any colour vision can follow, as far as it can be seen on the page. */
const SCALE = {
  light: [
    [13, 8, 135],
    [83, 2, 163],
    [139, 10, 165],
    [184, 50, 137],
    [219, 92, 104],
    [244, 136, 73],
    [254, 189, 42],
  ],
  dark: [
    [112, 98, 236],
    [160, 82, 224],
    [201, 80, 159],
    [225, 111, 123],
    [244, 136, 73],
    [254, 189, 42],
    [245, 240, 122],
  ],
};
const DASHED = [5, 4];

/** A colour of the scale; `share` from 0 to 1. */
function onScale(stops, share) {
  const place = share * (stops.length - 1);
  const first = Math.min(Math.floor(place), stops.length - 2);
  const mixed = stops[first].map((value, part) =>
    Math.round(value + (place - first) * (stops[first + 1][part] - value)),
  );
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/**
 * A colour for each entry: black (white on dark) for baselines, then Okabe and Ito's, beyond six one scale. A label has
 * one colour in all charts beside each other.
 */
function coloured(data, entries, beside = [entries]) {
  const kind = theme.isDark ? "dark" : "light";
  const isBaseline = ([, variant]) => data.variants[variant].baseline;
  const name = ([label, variant]) => (beside.length > 1 ? label : variant);
  const others = [...new Set(beside.flat().filter((one) => !isBaseline(one)).map(name))];
  return entries.map((entry) => {
    if (isBaseline(entry)) return BASELINE[kind];
    const place = others.indexOf(name(entry));
    if (others.length <= PALETTE[kind].length) return PALETTE[kind][place];
    return onScale(SCALE[kind], place / (others.length - 1));
  });
}

/** All runs' curves of entries in a panel, whatever is switched off. */
function curvesOf(data, state, entries) {
  const [, bold, thin] = data.panels[state.panel];
  const metrics = [bold, thin].filter((metric) => metric >= 0);
  return entries.flatMap(([, variant]) =>
    metrics.flatMap((metric) => {
      const { steady, wild, partial } = bundle(data, variant, metric, state.smooth);
      return [...steady, ...wild, ...partial];
    }),
  );
}

/** A colour that lets through what lies below it. */
function faint(colour, alpha) {
  return (
    colour +
    Math.round(alpha * 255)
      .toString(16)
      .padStart(2, "0")
  );
}

/**
 * All columns of a chart; `state` says which panel, how smooth, log or not, bands or seeds, and what is off. There are
 * rows for at least so many epochs.
 */
function columnsOf(data, state, entries, colours, least = 1) {
  const [, bold, thin] = data.panels[state.panel];
  const made = { values: [], series: [{}], bands: [], marked: [], owners: [null], means: [], shown: [] };
  let owner = null;
  const add = (curve, options) => {
    made.owners.push(owner);
    made.values.push(state.log ? curve.map((value) => (value !== null && value > 0 ? value : null)) : curve);
    made.series.push({ spanGaps: false, points: { show: curve.length === 1 }, ...options });
    return made.series.length - 1;
  };
  entries.forEach(([, variant], place) => {
    const colour = colours[place];
    owner = variant;
    const main = bundle(data, variant, bold, state.smooth);
    const found = meanBand(data, main.steady);
    made.means.push(found.mean);
    if (state.off.has(variant)) return;
    const singles = [...main.steady, ...main.wild, ...main.partial];
    made.shown.push(...singles);
    if (thin >= 0) {
      const training = bundle(data, variant, thin, state.smooth);
      made.shown.push(...training.steady, ...training.wild, ...training.partial);
      const lines = state.seeds ? training.steady : [meanBand(data, training.steady).mean];
      for (const line of lines) add(line, { stroke: faint(colour, state.seeds ? 0.4 : 0.9), width: 1, dash: DASHED });
    }
    if (state.seeds) {
      for (const line of main.steady) add(line, { stroke: faint(colour, 0.75), width: 1.2 });
    } else {
      const high = add(found.high, { stroke: "transparent", width: 0 });
      const low = add(found.low, { stroke: "transparent", width: 0 });
      made.bands.push({ series: [high, low], fill: faint(colour, 0.14) });
      made.marked[
        add(found.mean, { stroke: colour, width: 2.2, points: { show: found.common === 1, size: 7, fill: colour } })
      ] = true;
      for (const line of main.steady) {
        if (reach(line) > found.common)
          add(
            line.map((value, epoch) => (epoch < found.common - 1 ? null : value)),
            { stroke: faint(colour, 0.6), width: 0.8 },
          );
      }
    }
    for (const line of main.wild) add(line, { stroke: colour, width: 1, dash: [2, 3] });
    for (const line of main.partial) add(line, { stroke: faint(colour, 0.6), width: 0.8 });
  });
  const length = Math.max(least, ...made.values.map((curve) => curve.length));
  made.values = made.values.map((curve) =>
    curve.length < length ? [...curve, ...Array(length - curve.length).fill(null)] : curve,
  );
  made.x = Array.from({ length }, (_, index) => 1 + index * data.stride);
  return made;
}
