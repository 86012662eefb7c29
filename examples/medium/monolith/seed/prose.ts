// Made-up prose: titles, taglines and bodies. Words are drawn one by one, so that a body compresses no better than
// real writing does and the longer ones are stored out of line by PostgreSQL.
import type { Random } from './random.ts';
import { ADJECTIVES, ADVERBS, COUNTS, JOINS, NOUNS, TITLE_PATTERNS, VERBS } from './words.ts';

export function makeTitle(random: Random): string {
  const title = random.pick(TITLE_PATTERNS).replace(/%[ANVC]/g, (slot) => capitalize(fillSlot(slot, random)));
  return title.replace(/\b(a) (?=[AEIOU])/gi, '$1n ');
}

function fillSlot(slot: string, random: Random): string {
  if (slot === '%A') return random.pick(ADJECTIVES);
  if (slot === '%N') return random.pick(NOUNS);
  if (slot === '%V') return random.pick(VERBS);
  return random.pick(COUNTS);
}

export function makeSentence(random: Random): string {
  const first = makeClause(random);
  const rest = random.chance(0.6) ? ` ${random.pick(JOINS)} ${makeClause(random)}` : '';
  return `${capitalize(first)}${rest}.`;
}

function makeClause(random: Random): string {
  const subject = makeThing(random);
  const verb = random.pick(VERBS);
  const adverb = random.chance(0.35) ? ` ${random.pick(ADVERBS)}` : '';
  const figure = random.chance(0.12) ? `, ${random.integer(9000) + 1000} times,` : '';
  return `${subject} ${verb}${figure} ${makeThing(random)}${adverb}`;
}

function makeThing(random: Random): string {
  const adjective = random.chance(0.7) ? `${random.pick(ADJECTIVES)} ` : '';
  return `${random.pick(['the', 'one', 'every', 'this', 'another', 'no'])} ${adjective}${random.pick(NOUNS)}`;
}

/** Paragraphs, with a heading (`## `) or a quotation (`> `) here and there; at least 1 kB, at most 12 kB. */
export function makeBody(random: Random): string {
  // Squared, so that most stories are short and some are long.
  const wanted = 1_100 + Math.floor(random.next() ** 2 * 10_400);
  const blocks: string[] = [];
  let length = 0;
  while (length < wanted) {
    const block = makeBlock(random, blocks.length);
    blocks.push(block);
    length += block.length + 2;
  }
  return blocks.join('\n\n').slice(0, 12_000);
}

function makeBlock(random: Random, at: number): string {
  if (at > 0 && random.chance(0.12)) return `## ${makeTitle(random)}`;
  if (at > 0 && random.chance(0.08)) return `> ${makeSentence(random)}`;
  const sentences = 3 + random.integer(4);
  return Array.from({ length: sentences }, () => makeSentence(random)).join(' ');
}

export function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
