// Arithmetic on single texts, in 64 bits.

/** @typedef {Float32Array | Float64Array | number[]} Numbers */

const ROOT = Math.sqrt(2 / Math.PI);
const CUBE = 0.044715;
const EPSILON = 1e-5; // torch's

/**
 * GELU by its tanh approximation, as in training.
 * @param {number} x
 */
export function gelu(x) {
  return 0.5 * x * (1 + Math.tanh(ROOT * x * (1 + CUBE * x * x)));
}

/**
 * The derivative of `gelu`.
 * @param {number} x
 */
export function geluSlope(x) {
  const tanh = Math.tanh(ROOT * x * (1 + CUBE * x * x));
  return 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * ROOT * (1 + 3 * CUBE * x * x);
}

/**
 * Centre values and divide them by their standard deviation, in place.
 * @param {Float64Array} values
 * @returns {number} What they were multiplied by.
 */
export function normalize(values) {
  let mean = 0;
  for (const value of values) mean += value;
  mean /= values.length;
  let variance = 0;
  for (const value of values) variance += (value - mean) ** 2;
  const scale = 1 / Math.sqrt(variance / values.length + EPSILON);
  for (let place = 0; place < values.length; place++)
    values[place] = (values[place] - mean) * scale;
  return scale;
}

/**
 * Backpropagate through LayerNorm, from the gradient at its output to that at its input.
 * @param {Float64Array} normed What `normalize` gave.
 * @param {number} scale What `normalize` returned.
 * @param {Numbers} weight
 * @param {Float64Array} gradient
 */
export function normalizeGradient(normed, scale, weight, gradient) {
  const size = normed.length;
  const scaled = gradient.map((value, place) => value * weight[place]);
  let mean = 0;
  let along = 0;
  for (let place = 0; place < size; place++) {
    mean += scaled[place] / size;
    along += (scaled[place] * normed[place]) / size;
  }
  return scaled.map((value, place) => (value - mean - normed[place] * along) * scale);
}

/**
 * Add a vector times a matrix: `result[j] += sum_i values[i] * matrix[i, j]`.
 * @param {Float64Array} result
 * @param {Numbers} values
 * @param {Float32Array} matrix (values, results), from `start` on.
 * @param {number} [start]
 */
export function addProduct(result, values, matrix, start = 0) {
  const columns = result.length;
  let row = 0;
  for (; row + 3 < values.length; row += 4) {
    // Four rows at a time: each result is read and written once for all of them.
    const [a, b, c, d] = [values[row], values[row + 1], values[row + 2], values[row + 3]];
    const place = start + row * columns;
    for (let column = 0; column < columns; column++) {
      const first = place + column;
      const second = first + 2 * columns;
      result[column] +=
        a * matrix[first] +
        b * matrix[first + columns] +
        (c * matrix[second] + d * matrix[second + columns]);
    }
  }
  for (; row < values.length; row++) {
    const place = start + row * columns;
    for (let column = 0; column < columns; column++) {
      result[column] += values[row] * matrix[place + column];
    }
  }
}

/**
 * Add some rows of a table, times a scale.
 * @param {Float64Array} result
 * @param {Float32Array} table (rows, results).
 * @param {Int32Array} rows
 * @param {number} start The first of them.
 * @param {number} end After the last of them.
 * @param {number} scale
 */
export function addRows(result, table, rows, start, end, scale) {
  const columns = result.length;
  for (let column = 0; column < columns; column++) {
    let sum = 0;
    for (let place = start; place < end; place++) sum += table[rows[place] * columns + column];
    result[column] += scale * sum;
  }
}

/**
 * Add a matrix times a vector: `result[i] += sum_j matrix[i, j] * values[j]`.
 * @param {Float64Array} result
 * @param {Numbers} values
 * @param {Float32Array} matrix (results, values), from `start` on.
 * @param {number} [start]
 */
export function addTransposed(result, values, matrix, start = 0) {
  const columns = values.length;
  for (let row = 0; row < result.length; row++) {
    const place = start + row * columns;
    let sum = 0;
    for (let column = 0; column < columns; column++) sum += matrix[place + column] * values[column];
    result[row] += sum;
  }
}

/** @param {Numbers} values */
export function logSumExp(values) {
  let highest = -Infinity;
  for (const value of values) if (value > highest) highest = value;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - highest);
  return highest + Math.log(sum);
}

/**
 * log(1 + exp(x)), which does not overflow.
 * @param {number} x
 */
export function softplus(x) {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** @param {number} x */
export function sigmoid(x) {
  return Math.exp(-softplus(-x));
}

/**
 * The probabilities of logits.
 * @param {Numbers} logits
 * @param {boolean} multiLabel
 */
export function probabilitiesOf(logits, multiLabel) {
  const total = multiLabel ? 0 : logSumExp(logits);
  const result = new Float32Array(logits.length);
  for (let label = 0; label < result.length; label++) {
    result[label] = multiLabel ? sigmoid(logits[label]) : Math.exp(logits[label] - total);
  }
  return result;
}

/**
 * The logits whose probabilities are the mean of the members' probabilities.
 * @param {Float64Array[]} members
 * @param {boolean} multiLabel
 */
export function meanOfMembers(members, multiLabel) {
  if (members.length === 1) return members[0];
  if (multiLabel) {
    return members[0].map((_, label) => {
      const having = logSumExp(members.map((logits) => -softplus(-logits[label])));
      return having - logSumExp(members.map((logits) => -softplus(logits[label])));
    });
  }
  const totals = members.map(logSumExp);
  return members[0].map(
    (_, label) =>
      logSumExp(members.map((logits, member) => logits[label] - totals[member])) -
      Math.log(members.length),
  );
}

/**
 * Backpropagate through `meanOfMembers`.
 * @param {Float64Array[]} members
 * @param {Float64Array} gradient
 * @param {boolean} multiLabel
 */
export function meanOfMembersGradient(members, gradient, multiLabel) {
  if (members.length === 1) return [gradient];
  if (multiLabel) {
    const having = members.map((logits) => logits.map((x) => -softplus(-x)));
    const lacking = members.map((logits) => logits.map((x) => -softplus(x)));
    const all = gradient.map((_, label) => logSumExp(having.map((x) => x[label])));
    const none = gradient.map((_, label) => logSumExp(lacking.map((x) => x[label])));
    return members.map((_, member) =>
      gradient.map((value, label) => {
        const [has, lacks] = [having[member][label], lacking[member][label]];
        return value * (Math.exp(has - all[label] + lacks) + Math.exp(lacks - none[label] + has));
      }),
    );
  }
  const each = members.map((logits) => {
    const total = logSumExp(logits);
    return logits.map((logit) => logit - total);
  });
  const all = gradient.map((_, label) => logSumExp(each.map((x) => x[label])));
  return each.map((logs) => {
    const shares = logs.map((log, label) => Math.exp(log - all[label]) * gradient[label]);
    const sum = shares.reduce((before, share) => before + share, 0);
    return shares.map((share, label) => share - Math.exp(logs[label]) * sum);
  });
}
