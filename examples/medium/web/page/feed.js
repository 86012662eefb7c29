// The front page: the newest stories, more on request, and the publications beside them.
import { get } from '../api.js';
import { emptyNote, storyCard } from '../card.js';
import { h } from '../dom.js';

const PAGE_STORIES = 15;

export async function feedPage() {
  const [feed, { publications }] = await Promise.all([
    get(`/api/feed?limit=${PAGE_STORIES}`),
    get('/api/publications').catch(() => ({ publications: [] })),
  ]);
  const list = h('div', { class: 'stories' });
  const content = h(
    'div',
    { class: 'columns' },
    h('section', { 'aria-label': 'Newest stories' }, h('h1', { class: 'unseen' }, 'Newest stories'), list),
    publications.length > 0 && publicationRail(publications),
  );
  list.append(...feed.posts.map((story, at) => storyCard(story, { isLead: at === 0 })));
  if (feed.posts.length === 0)
    list.append(emptyNote('No stories yet. ', h('a', { href: '/write' }, 'Write the first.')));
  if (feed.nextCursor) list.after(moreButton(list, feed.nextCursor));
  return { title: 'Understory', content };
}

function moreButton(list, firstCursor) {
  let cursor = firstCursor;
  const button = h('button', { class: 'button button-quiet more', type: 'button' }, 'More stories');
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      const feed = await get(`/api/feed?limit=${PAGE_STORIES}&cursor=${cursor}`);
      const cards = feed.posts.map((story) => storyCard(story));
      list.append(...cards);
      cards[0]?.querySelector('a.card-link')?.focus({ preventScroll: true });
      cursor = feed.nextCursor;
      button.textContent = 'More stories';
      if (!cursor) button.remove();
    } catch (failure) {
      button.textContent = `${failure.message} Try again`;
    }
    button.disabled = false;
  });
  return button;
}

function publicationRail(publications) {
  return h(
    'aside',
    { class: 'rail', 'aria-label': 'Publications' },
    h('h2', null, 'Publications'),
    h(
      'ul',
      null,
      publications
        .slice(0, 8)
        .map(({ slug, name, tagline }) =>
          h('li', null, h('a', { href: `/pub/${slug}` }, name), tagline && h('span', null, tagline)),
        ),
    ),
    h('a', { class: 'rail-more', href: '/publications' }, 'All publications'),
  );
}
