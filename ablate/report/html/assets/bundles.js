"use strict";
// The curves of a variant: what is drawn bold, its band over seeds, and single runs. The rules are those of the
// report's pictures: a mean ends with the first seed that stopped; runs that diverged or were broken off are part of
// no mean.

/** Exponential moving average without a bias towards the beginning. */
function smoothed(curve, weight) {
  if (!weight) return curve;
  let sum = 0;
  let total = 0;
  return curve.map((value) => {
    if (value === null) return null;
    sum = weight * sum + (1 - weight) * value;
    total = weight * total + (1 - weight);
    return sum / total;
  });
}

/** Number of epochs up to the last one with a value. */
function reach(curve) {
  let length = curve.length;
  while (length && curve[length - 1] === null) length -= 1;
  return length;
}

/** Steady, wild and partial runs of a variant for one metric; where none succeeded yet, those under way are steady. */
function bundle(data, variant, metric, weight) {
  const found = { steady: [], wild: [], partial: [] };
  for (const [, kind, curves] of data.variants[variant].runs) {
    const curve = data.curves[curves[metric]];
    if (reach(curve)) found[kind].push(smoothed(curve, weight));
  }
  if (!found.steady.length) [found.steady, found.partial] = [found.partial, []];
  return found;
}

/** Mean of curves over their common epochs, with the pointwise 95 % t-interval of the mean. */
function meanBand(data, curves) {
  const common = curves.length ? Math.min(...curves.map(reach)) : 0;
  const result = { mean: [], low: [], high: [], common };
  for (let epoch = 0; epoch < common; epoch += 1) {
    const values = curves.map((curve) => curve[epoch]).filter((value) => value !== null);
    const n = values.length;
    const mean = n ? values.reduce((sum, value) => sum + value, 0) / n : null;
    let half = null;
    if (n > 1) {
      const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      half = data.t[n - 2] * Math.sqrt(squares / (n - 1) / n);
    }
    result.mean.push(mean);
    result.low.push(half === null ? null : mean - half);
    result.high.push(half === null ? null : mean + half);
  }
  return result;
}

/** Lowest and highest value to show: one run out of bounds does not stretch the axis. `wanted` are ends to be used. */
function limits(curves, wanted = null) {
  const ends = curves
    .map((curve) => curve.filter((value) => value !== null))
    .filter((curve) => curve.length)
    .map((curve) => [Math.min(...curve), Math.max(...curve)]);
  if (!ends.length) return null;
  const bottoms = ends.map(([low]) => low).sort((a, b) => a - b);
  const tops = ends.map(([, high]) => high).sort((a, b) => a - b);
  const middle = Math.floor((ends.length - 1) / 2);
  const [bottom, top] = [tops[middle], bottoms[ends.length - 1 - middle]].sort((a, b) => a - b);
  const span = 1.5 * Math.max(top - bottom, 0.02 * Math.abs(top));
  const low = wanted ? wanted.low : Math.min(...bottoms.filter((value) => value >= bottom - span));
  const high = wanted ? wanted.high : Math.max(...tops.filter((value) => value <= top + span));
  const hidden = ends.filter(([least, most]) => least < low || most > high).length;
  return { low, high, hidden, count: ends.length };
}

/** The same for charts beside each other, each with its curves; only shares have bounds, so that none is out of them. */
function commonLimits(charts, percent) {
  const ends = charts.map((curves) => limits(curves)).filter((one) => one);
  if (!ends.length) return null;
  const size = ({ low, high }) => Math.max(Math.abs(low), Math.abs(high));
  const typical = ends.map(size).sort((a, b) => a - b)[Math.floor((ends.length - 1) / 2)];
  const kept = ends.filter((one) => percent || !typical || size(one) <= 10 * typical);
  return { low: Math.min(...kept.map((one) => one.low)), high: Math.max(...kept.map((one) => one.high)) };
}
