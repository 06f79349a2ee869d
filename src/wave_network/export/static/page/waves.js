// Draw the waves of a text: in the strongest dimensions an arrow for each token.

import { byId, element, field, offer, shape } from "./dom.js";

const DIMENSIONS = 4;
const TOKENS = 24; // drawn; more are hard to tell apart
const RADIUS = 90;
const LONGEST_NAME = 24;

/** @typedef {ReturnType<import("./model.js").Model["waves"]>} Waves */

/** The drawing of the waves, which turn as the text changes. */
export class WavesView {
  /** @param {string} operation `modulation` or `interference`. */
  constructor(operation) {
    this.operation = operation;
    byId("operation").textContent =
      operation === "modulation" ? "modulation, Z × Z′," : "interference, Z + Z′,";
    this.panels = Array.from({ length: DIMENSIONS }, panel);
    byId("waves").replaceChildren(...this.panels.map(({ figure }) => figure));
    field("token").addEventListener("change", () => this.#draw());
  }

  /** @param {Waves} waves */
  show(waves) {
    this.waves = waves;
    const names = waves.tokens.slice(0, TOKENS).map((token, place) => `${place}: ${named(token)}`);
    offer(/** @type {HTMLSelectElement} */ (field("token")), names);
    this.#draw();
  }

  #draw() {
    if (!this.waves) return;
    const { waves } = this;
    const chosen = /** @type {HTMLSelectElement} */ (field("token")).selectedIndex;
    strongest(waves).forEach((dimension, place) => {
      const { drawing, arrows, thin, caption } = this.panels[place];
      const angles = anglesOf(waves, dimension, chosen, this.operation);
      turn(arrows.first, angles.first);
      turn(arrows.second, angles.second);
      turn(arrows.both, angles.both);
      thin.forEach((arrow, token) => {
        const shown = token < waves.tokens.length && token < TOKENS && token !== chosen;
        arrow.setAttribute("visibility", shown ? "visible" : "hidden");
        if (shown) turn(arrow, anglesOf(waves, dimension, token, this.operation).both);
      });
      caption.textContent = `dimension ${dimension}`;
      drawing.setAttribute("aria-label", described(waves.tokens[chosen], dimension, angles));
    });
  }
}

/** A circle with the three arrows of a token, and thin ones for the others. */
function panel() {
  const arrow = (/** @type {string} */ className) =>
    shape("line", {
      class: `phasor ${className}`,
      x1: 0,
      y1: 0,
      x2: RADIUS,
      y2: 0,
    });
  const thin = Array.from({ length: TOKENS }, () => arrow("thin"));
  const arrows = {
    first: arrow("arrow first"),
    second: arrow("arrow second"),
    both: arrow("arrow both"),
  };
  const drawing = shape(
    "svg",
    { viewBox: "-100 -100 200 200", role: "img" },
    shape("circle", { class: "circle", r: RADIUS }),
    shape("line", { class: "circle", x1: -RADIUS, y1: 0, x2: RADIUS, y2: 0 }),
    shape("line", { class: "circle", x1: 0, y1: -RADIUS, x2: 0, y2: RADIUS }),
    ...thin,
    ...Object.values(arrows),
  );
  const caption = element("figcaption", "");
  return {
    figure: element("figure", "", drawing, caption),
    drawing,
    arrows,
    thin,
    caption,
  };
}

/**
 * The dimensions with the largest product of both magnitudes at `[CLS]`, in the order of the model.
 * @param {Waves} waves
 */
function strongest({ first, second, dimensions }) {
  const size = (/** @type {Waves["first"]} */ wave, /** @type {number} */ at) =>
    Math.hypot(wave.real[at], wave.imag[at]);
  return Array.from({ length: dimensions }, (_, dimension) => dimension)
    .sort(
      (one, other) =>
        size(first, other) * size(second, other) - size(first, one) * size(second, one),
    )
    .slice(0, DIMENSIONS)
    .sort((one, other) => one - other);
}

/**
 * The angles of a token's waves, and the lengths of the arrows as shares of the longest possible.
 * @param {Waves} waves
 * @param {number} dimension
 * @param {number} token
 * @param {string} operation
 */
function anglesOf({ first, second, dimensions }, dimension, token, operation) {
  const place = token * dimensions + dimension;
  const [z, other] = [first, second].map(({ real, imag }) => {
    return {
      angle: Math.atan2(imag[place], real[place]),
      size: Math.hypot(real[place], imag[place]),
    };
  });
  const sum = {
    x: z.size * Math.cos(z.angle) + other.size * Math.cos(other.angle),
    y: z.size * Math.sin(z.angle) + other.size * Math.sin(other.angle),
  };
  const longest = z.size + other.size || 1;
  return {
    first: {
      angle: z.angle,
      length: operation === "modulation" ? 1 : z.size / longest,
    },
    second: {
      angle: other.angle,
      length: operation === "modulation" ? 1 : other.size / longest,
    },
    both:
      operation === "modulation"
        ? { angle: z.angle + other.angle, length: 1 }
        : {
            angle: Math.atan2(sum.y, sum.x),
            length: Math.hypot(sum.x, sum.y) / longest,
          },
  };
}

/**
 * Turn an arrow; a screen's y grows downwards.
 * @param {SVGElement} arrow
 * @param {{ angle: number, length: number }} to
 */
function turn(arrow, { angle, length }) {
  arrow.style.transform = `rotate(${(-angle * 180) / Math.PI}deg) scale(${length})`;
}

/**
 * @param {string} token
 * @param {number} dimension
 * @param {ReturnType<typeof anglesOf>} angles
 */
function described(token, dimension, { first, second, both }) {
  const degrees = (/** @type {number} */ angle) => `${Math.round((angle * 180) / Math.PI)} degrees`;
  return (
    `Dimension ${dimension}, token ${named(token)}: Z at ${degrees(first.angle)}, ` +
    `Z′ at ${degrees(second.angle)}, together at ${degrees(both.angle)}`
  );
}

/** @param {string} token */
function named(token) {
  const name = token.trim();
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name || "␣";
}
