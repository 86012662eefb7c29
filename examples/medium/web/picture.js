// Pictures without files: a `gradient:<seed>` becomes hills at some hour of the day, or the ground of an avatar.
import { h, svg } from './dom.js';

/** Numbers in [0, 1) from a text: FNV-1a, then mulberry32. */
function chanceFrom(text) {
  let state = 2166136261;
  for (const character of text) state = Math.imul(state ^ character.codePointAt(0), 16777619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const seedOf = (picture) => /^gradient:(.+)$/.exec(picture ?? '')?.[1];

export function avatar(member, size) {
  const seed = seedOf(member.avatar);
  if (member.avatar && !seed) return image(member.avatar, 'avatar', `avatar-${size}`);
  const chance = chanceFrom(seed ?? member.handle);
  const hue = Math.floor(chance() * 360);
  const face = h('span', { class: `avatar avatar-${size}`, 'aria-hidden': 'true' }, initials(member.name));
  face.style.background = `linear-gradient(${Math.floor(chance() * 180)}deg, hsl(${hue} 48% 42%), hsl(${hue + 48} 52% 34%))`;
  return face;
}

function initials(name) {
  const words = name.split(/\s+/).filter((word) => /^\p{L}/u.test(word));
  return [words.at(0), words.length > 1 ? words.at(-1) : '']
    .map((word) => [...(word ?? '')][0] ?? '')
    .join('');
}

/** Null where the story has no picture. */
export function thumbnail(picture, className) {
  if (!picture) return null;
  const seed = seedOf(picture);
  return seed ? hills(seed, className) : image(picture, 'thumbnail', className);
}

function image(address, ...classes) {
  return h('img', {
    class: classes.join(' '),
    src: address,
    alt: '',
    loading: 'lazy',
    referrerpolicy: 'no-referrer',
  });
}

const WIDTH = 480;
const HEIGHT = 320;

function hills(seed, className) {
  const chance = chanceFrom(seed);
  const hue = Math.floor(chance() * 360);
  const isNight = chance() < 0.25;
  const sky = `sky-${seed.replace(/\W/g, '')}-${Math.floor(chance() * 1e9)}`;
  const [high, low] = isNight ? [18, 38] : [72, 88];
  const sun = {
    cx: WIDTH * (0.2 + 0.6 * chance()),
    cy: HEIGHT * (0.3 + 0.18 * chance()),
    r: 22 + 26 * chance(),
  };
  const layers = 3 + Math.floor(chance() * 2);
  return svg(
    'svg',
    {
      class: `thumbnail ${className}`,
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: 'xMidYMid slice',
      'aria-hidden': 'true',
    },
    svg(
      'linearGradient',
      { id: sky, x1: 0, y1: 0, x2: 0, y2: 1 },
      svg('stop', { offset: 0, 'stop-color': `hsl(${hue} 55% ${high}%)` }),
      svg('stop', { offset: 1, 'stop-color': `hsl(${hue + 40} 65% ${low}%)` }),
    ),
    svg('rect', { width: WIDTH, height: HEIGHT, fill: `url(#${sky})` }),
    svg('circle', { ...sun, fill: `hsl(${hue + 50} 90% ${isNight ? 82 : 96}%)`, opacity: 0.85 }),
    Array.from({ length: layers }, (_, at) => {
      const depth = (at + 1) / layers;
      const light = isNight ? 34 - 22 * depth : 66 - 40 * depth;
      return svg('path', {
        d: ridge(chance, depth),
        fill: `hsl(${hue + 20 * at - 30} ${38 - 6 * at}% ${light}%)`,
      });
    }),
  );
}

/** A line of hills: two waves of chance length, closed at the ground. */
function ridge(chance, depth) {
  const base = HEIGHT * (0.42 + 0.4 * depth);
  const [long, short] = [(1 + chance()) * Math.PI, (3 + 3 * chance()) * Math.PI];
  const [longShift, shortShift] = [chance() * 6, chance() * 6];
  const points = Array.from({ length: 49 }, (_, at) => {
    const x = at / 48;
    const y = base - 34 * Math.sin(long * x + longShift) - 10 * Math.sin(short * x + shortShift);
    return `${(x * WIDTH).toFixed(1)} ${y.toFixed(1)}`;
  });
  return `M0 ${HEIGHT} L${points.join(' L')} L${WIDTH} ${HEIGHT} Z`;
}
