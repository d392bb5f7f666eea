/**
 * Draws public/ridges.png, the picture on the served page: ridges in the mist at dusk, from seeded noise, as a PNG with a
 * palette. Run it again after changing the drawing.
 *
 *     node scripts/generate-picture.ts
 */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { crc32, deflateSync } from "node:zlib";

const WIDTH = 1280;
const HEIGHT = 480;
const RIDGES = 7;

type Colour = readonly [red: number, green: number, blue: number];
const skyTop: Colour = [24, 20, 44];
const skyMiddle: Colour = [122, 58, 94];
const skyBottom: Colour = [246, 160, 110];
const sunColour: Colour = [250, 92, 66];
const farthest: Colour = [203, 112, 104];
const nearest: Colour = [17, 13, 29];

/** A 32-bit integer hash, as a number from 0 to 1. */
function hash(x: number, seed: number): number {
  let h = Math.imul(x ^ Math.imul(seed, 0x9e3779b1), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 0x1_0000_0000;
}

/** Value noise in one dimension, smooth between whole numbers. */
function noise(x: number, seed: number): number {
  const whole = Math.floor(x);
  const part = x - whole;
  const smooth = part * part * (3 - 2 * part);
  return hash(whole, seed) * (1 - smooth) + hash(whole + 1, seed) * smooth;
}

function ridgeHeight(x: number, ridge: number): number {
  let sum = 0;
  let amplitude = 1;
  let frequency = 1 / (260 - ridge * 18);
  for (let octave = 0; octave < 6; octave++) {
    // Folded noise makes crests rather than hills.
    sum += amplitude * (1 - Math.abs(2 * noise(x * frequency + ridge * 37, ridge * 11 + octave) - 1));
    amplitude *= 0.47;
    frequency *= 2.1;
  }
  return sum;
}

function mix(a: Colour, b: Colour, part: number): Colour {
  return [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part, a[2] + (b[2] - a[2]) * part];
}

function skyAt(x: number, y: number): Colour {
  const down = Math.min(1, y / (HEIGHT * 0.6));
  const sky = down < 0.5 ? mix(skyTop, skyMiddle, down * 2) : mix(skyMiddle, skyBottom, down * 2 - 1);
  const distance = Math.hypot(x - WIDTH * 0.685, y - HEIGHT * 0.4);
  const radius = HEIGHT * 0.185;
  const edge = Math.min(1, Math.max(0, radius + 0.5 - distance));
  const glow = 0.55 * Math.exp(-Math.max(0, distance - radius) / 70);
  return mix(mix(sky, [255, 176, 120], glow), sunColour, edge);
}

function paint(): Colour[] {
  const pixels = new Array<Colour>(WIDTH * HEIGHT);
  const tops = Array.from({ length: RIDGES }, (_, ridge) =>
    Array.from(
      { length: WIDTH },
      (_, x) => HEIGHT * (0.56 + 0.085 * ridge) - ridgeHeight(x, ridge) * (62 - ridge * 2) + 40,
    ),
  );
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      let colour = skyAt(x, y);
      for (let ridge = 0; ridge < RIDGES; ridge++) {
        const top = tops[ridge]?.[x] ?? HEIGHT;
        const cover = Math.min(1, Math.max(0, y - top + 0.5));
        if (cover === 0) continue;
        const body = mix(farthest, nearest, (ridge / (RIDGES - 1)) ** 0.8);
        // Mist gathers at the foot of each ridge.
        const foot = HEIGHT * (0.36 + 0.085 * ridge);
        const mist = Math.min(0.55, (Math.max(0, y - foot) / 190) * (1 - ridge / RIDGES));
        colour = mix(colour, mix(body, skyBottom, mist), cover);
      }
      pixels[y * WIDTH + x] = colour;
    }
  }
  return pixels;
}

/** A palette of the 6 × 6 × 6 kind would band; this one is the 256 most used colours after rounding to five bits. */
function quantise(pixels: readonly Colour[]): { palette: Colour[]; indices: Uint8Array } {
  const counts = new Map<number, number>();
  const key = (c: Colour): number => ((c[0] >> 3) << 10) | ((c[1] >> 3) << 5) | (c[2] >> 3);
  for (const pixel of pixels) counts.set(key(pixel), (counts.get(key(pixel)) ?? 0) + 1);
  const common = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 256);
  const palette = common.map(([k]): Colour => [((k >> 10) << 3) | 4, (((k >> 5) & 31) << 3) | 4, ((k & 31) << 3) | 4]);
  const nearestOf = new Map<number, number>();
  const nearest = (c: Colour): number => {
    const known = nearestOf.get(key(c));
    if (known !== undefined) return known;
    let best = 0;
    let bestDistance = Number.POSITIVE_INFINITY;
    for (const [index, p] of palette.entries()) {
      const distance = (p[0] - c[0]) ** 2 + (p[1] - c[1]) ** 2 + (p[2] - c[2]) ** 2;
      if (distance < bestDistance) [best, bestDistance] = [index, distance];
    }
    nearestOf.set(key(c), best);
    return best;
  };
  // Ordered dither, 4 × 4: hides the steps and still compresses.
  const matrix = [0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5];
  const indices = Uint8Array.from(pixels, (pixel, at) => {
    const x = at % WIDTH;
    const y = Math.floor(at / WIDTH);
    const offset = ((matrix[(y & 3) * 4 + (x & 3)] ?? 0) / 16 - 0.5) * 7;
    const shift = (value: number): number => Math.min(255, Math.max(0, value + offset));
    return nearest([shift(pixel[0]), shift(pixel[1]), shift(pixel[2])]);
  });
  return { palette, indices };
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

function encodePng(palette: readonly Colour[], indices: Uint8Array): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(WIDTH, 0);
  header.writeUInt32BE(HEIGHT, 4);
  header.set([8, 3, 0, 0, 0], 8); // 8 bits a pixel, indexed.
  const rows = Buffer.alloc((WIDTH + 1) * HEIGHT);
  for (let y = 0; y < HEIGHT; y++) rows.set(indices.subarray(y * WIDTH, (y + 1) * WIDTH), y * (WIDTH + 1) + 1);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(palette.flat())),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

const { palette, indices } = quantise(paint());
const png = encodePng(palette, indices);
const path = resolve(import.meta.dirname, "../public/ridges.png");
writeFileSync(path, png);
console.log(`${path}: ${WIDTH}×${HEIGHT}, ${palette.length} colours, ${png.length} bytes`);
