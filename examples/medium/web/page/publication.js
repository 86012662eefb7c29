// Publications: all of them, one of them, a new one.
import { get, post } from '../api.js';
import { byline, emptyNote, field, form, storyCard } from '../card.js';
import { count, h } from '../dom.js';

export async function publicationPage({ slug }) {
  const publication = await get(`/api/publications/${encodeURIComponent(slug)}`);
  const stories = publication.stories.map((story) => storyCard({ ...story, publication: null }));
  const content = h(
    'div',
    { class: 'narrow' },
    h(
      'header',
      { class: 'nameplate' },
      h('h1', null, publication.name),
      publication.tagline && h('p', { class: 'standfirst' }, publication.tagline),
      byline(publication.owner, h('span', null, count(publication.totalClaps, 'clap'))),
    ),
    h(
      'section',
      { class: 'stories', 'aria-label': 'Stories' },
      stories.length > 0 ? stories : emptyNote('No stories yet.'),
    ),
  );
  return { title: publication.name, content };
}

export async function publicationsPage() {
  const { publications } = await get('/api/publications');
  const rows = publications.map(({ slug, name, tagline }) =>
    h(
      'li',
      null,
      h('h2', null, h('a', { class: 'card-link', href: `/pub/${slug}` }, name)),
      h('p', null, tagline),
    ),
  );
  const content = h(
    'div',
    { class: 'narrow' },
    h(
      'div',
      { class: 'heading-row' },
      h('h1', null, 'Publications'),
      h('a', { class: 'button button-quiet', href: '/publications/new' }, 'Found one'),
    ),
    rows.length > 0 ? h('ul', { class: 'shelf' }, rows) : emptyNote('None yet.'),
  );
  return { title: 'Publications', content };
}

export async function newPublicationPage(_, navigate) {
  const content = h(
    'div',
    { class: 'slim' },
    h('h1', null, 'Found a publication'),
    form(
      {
        button: 'Found it',
        submit: async ({ name, tagline }) => {
          const { slug } = await post('/api/publications', { name, tagline });
          navigate(`/pub/${slug}`);
        },
      },
      field('Name', h('input', { name: 'name', required: true, maxlength: 80 })),
      field(
        'Tagline',
        h('input', { name: 'tagline', maxlength: 200 }),
        'One line that says what it is about.',
      ),
    ),
  );
  return { title: 'Found a publication', content };
}
