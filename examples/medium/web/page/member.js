// A member's page: who they are, what they published, and, for themselves, what lies in the drawer.
import { currentSession, get } from '../api.js';
import { emptyNote, storyCard } from '../card.js';
import { count, date, h } from '../dom.js';
import { avatar } from '../picture.js';

export async function memberPage({ handle }) {
  const member = await get(`/api/members/${encodeURIComponent(handle)}`);
  const isOwn = currentSession()?.member.id === member.id;
  const stories = member.stories.map((story) => storyCard(story));
  const content = h(
    'div',
    { class: 'narrow' },
    h(
      'header',
      { class: 'profile' },
      avatar(member, 'large'),
      h(
        'div',
        null,
        h('h1', null, member.name),
        h('p', { class: 'handle' }, `@${member.handle}`),
        member.bio && h('p', { class: 'bio' }, member.bio),
        h(
          'p',
          { class: 'facts' },
          h('span', null, 'Since ', date(member.joinedAt)),
          h('span', null, count(member.totalClaps, 'clap')),
        ),
        isOwn &&
          h(
            'p',
            { class: 'actions' },
            h('a', { class: 'button button-quiet', href: '/settings' }, 'Edit profile'),
            h('a', { class: 'button button-quiet', href: '/drafts' }, 'Drafts'),
          ),
      ),
    ),
    h(
      'section',
      { class: 'stories', 'aria-label': 'Stories' },
      stories.length > 0 ? stories : emptyNote('No stories yet.'),
    ),
  );
  return { title: member.name, content };
}

export async function draftsPage() {
  const { posts } = await get('/api/me/drafts');
  const rows = posts.map(({ slug, title, subtitle, updatedAt }) =>
    h(
      'article',
      { class: 'card' },
      h(
        'div',
        { class: 'card-text' },
        h('h2', null, h('a', { class: 'card-link', href: `/write/${slug}` }, title)),
        subtitle && h('p', { class: 'subtitle' }, subtitle),
        h('p', { class: 'facts' }, h('span', null, 'Edited ', date(updatedAt))),
      ),
    ),
  );
  const content = h(
    'div',
    { class: 'narrow' },
    h('h1', null, 'Your drafts'),
    h(
      'section',
      { class: 'stories', 'aria-label': 'Drafts' },
      rows.length > 0
        ? rows
        : emptyNote('The drawer is empty. ', h('a', { href: '/write' }, 'Write something.')),
    ),
  );
  return { title: 'Your drafts', content };
}
