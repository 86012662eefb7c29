// The vocabulary of the made-up world: names of people, and words that prose and titles are made of.

const list = (text: string): readonly string[] => text.trim().split(/\s+/);

export const FIRST_NAMES = list(`
  Ada Amara Anton Asha Aziz Beatriz Bram Camille Chidi Clara Dalia Daniel Darya Elena Elif Emeka Esra Farid Felix
  Freya Gabriel Greta Hana Henrik Ida Imani Ines Ivan Jana Jonas Jun Kaito Karim Katya Kofi Lars Leila Lena Linh
  Luca Mads Maja Malik Marta Mei Milan Mina Nadia Nils Noor Olga Omar Petra Priya Rafael Rosa Sami Sofia Tariq Yuki
`);

export const LAST_NAMES = list(`
  Abara Adler Almeida Andersen Asante Baker Bergstrom Bianchi Castillo Chen Costa Demir Diallo Dubois Eriksen
  Fischer Fontaine Garcia Haddad Hansen Hoffmann Ibrahim Ito Jansen Kaplan Kaya Keller Khan Kovacs Kowalski Lindgren
  Lopez Marino Mensah Meyer Moreau Mori Nakamura Ndiaye Nguyen Novak Okafor Olsen Ortega Patel Petrov Popescu Rahman
  Rossi Sandoval Sato Schneider Silva Singh Sokolov Tanaka Torres Vargas Weber Yilmaz
`);

export const ADJECTIVES = list(`
  quiet patient honest slow curious stubborn ordinary elegant fragile generous hidden humble invisible local modest
  narrow open plain playful precise reliable remote rough simple small steady strange subtle tidy tiny unfinished
  unlikely useful warm wild winding wooden careful borrowed bright broken careless certain clever cold crowded
  deliberate distant durable early empty evening familiar final foreign forgotten former gentle golden heavy
`);

export const NOUNS = list(`
  team garden ledger bridge river database kitchen letter library map mountain museum notebook ocean office orchard
  painter pattern photograph piano pilot platform poem queue question recipe reader rehearsal road room routine
  school season shadow sketch software sound station story street student studio system teacher theatre ticket tool
  train translation tree valley village violin voyage wall weather window winter workshop writer argument bakery
  balcony border boundary calendar camera canvas carpenter cellar chapter choir city classroom clock coast coffee
  committee compass composer conversation corner customer deadline decision design detail dialogue dictionary
  engine engineer essay evening experiment failure farmer festival forest fountain friend furniture future gallery
  habit harbour harvest history horizon hospital idea instrument island journal journey judgement lantern landlord
  language lesson lighthouse machine manager market meadow measurement melody memory message migration mirror
`);

export const VERBS = list(`
  keeps builds breaks carries changes chooses copies counts crosses describes discovers draws explains follows
  forgets gathers guards hides imagines improves invents joins knows leaves listens loses measures mends moves names
  notices opens outlives owns paints plants prefers promises proves questions reaches reads rebuilds remembers
  repairs replaces rescues returns shapes shares ships sings survives teaches tests trusts understands visits waits
`);

export const ADVERBS = list(`
  slowly often rarely always sometimes carefully gladly quietly usually almost finally suddenly barely twice again
  honestly patiently elsewhere somehow together overnight afterwards nowhere upstairs
`);

export const JOINS = list(
  'because although while until unless whenever since before after as though where and but',
);

export const TITLE_PATTERNS: readonly string[] = [
  'Why the %A %N %V',
  'How a %A %N %V',
  'The %A %N and the %N',
  'What Every %N %V',
  'A %A Guide to the %N',
  'Notes on a %A %N',
  'In Praise of the %A %N',
  'The Year the %N %V',
  'Learning From a %A %N',
  '%C Lessons From a %N',
  'Against the %A %N',
  'My %A %N, %C Years Later',
];

export const COUNTS = list('Two Three Four Five Six Seven Nine Ten Twelve Twenty');
