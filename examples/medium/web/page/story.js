// A story, its claps and who gave them.
import { currentSession, get, remove } from '../api.js';
import { byline } from '../card.js';
import { clapButton } from '../clap-button.js';
import { count, date, h } from '../dom.js';
import { avatar, thumbnail } from '../picture.js';

const WORDS_PER_MINUTE = 220;

export async function storyPage({ slug }, navigate) {
  const story = await get(`/api/posts/${encodeURIComponent(slug)}`);
  const isOwn = currentSession()?.member.id === story.author.id;
  const isPublished = story.status === 'published';
  const minutes = Math.max(1, Math.round(story.body.split(/\s+/).length / WORDS_PER_MINUTE));
  const content = h(
    'article',
    { class: 'story' },
    story.publication &&
      h(
        'p',
        { class: 'eyebrow' },
        h('a', { href: `/pub/${story.publication.slug}` }, story.publication.name),
      ),
    h('h1', null, story.title),
    story.subtitle && h('p', { class: 'standfirst' }, story.subtitle),
    byline(
      story.author,
      isPublished ? date(story.publishedAt) : h('span', { class: 'tag' }, 'Draft'),
      h('span', null, `${minutes} min read`),
    ),
    isOwn && ownActions(story, navigate),
    thumbnail(story.thumbnail, 'story-picture'),
    h('div', { class: 'prose' }, paragraphs(story.body)),
    isPublished &&
      h(
        'section',
        { class: 'applause', 'aria-label': 'Claps' },
        clapButton(story, navigate),
        clappers(story),
      ),
  );
  return { title: story.title, content };
}

function ownActions(story, navigate) {
  const erase = h('button', { class: 'button button-quiet', type: 'button' }, 'Delete');
  erase.addEventListener('click', async () => {
    if (!confirm(`Delete “${story.title}”?`)) return;
    try {
      await remove(`/api/posts/${story.id}`);
      navigate(`/@${story.author.handle}`);
    } catch (failure) {
      alert(failure.message);
    }
  });
  return h(
    'p',
    { class: 'actions' },
    h('a', { class: 'button button-quiet', href: `/write/${story.slug}` }, 'Edit'),
    erase,
  );
}

/** Blocks between blank lines: `## ` a heading, `> ` a quotation, `- ` a list, else a paragraph. */
export function paragraphs(body) {
  const blocks = body.split(/\n\s*\n/).filter((block) => block.trim() !== '');
  return blocks.map((block) => {
    if (block.startsWith('## ')) return h('h2', null, block.slice(3));
    if (block.startsWith('> ')) return h('blockquote', null, block.replace(/^> ?/gm, ''));
    if (/^- /.test(block)) {
      return h(
        'ul',
        null,
        block.split('\n').map((line) => h('li', null, line.replace(/^- /, ''))),
      );
    }
    return h('p', null, block);
  });
}

/** Opened on request, page by page. */
function clappers({ id }) {
  const list = h('ol', { class: 'clappers' });
  const more = h('button', { class: 'button button-quiet', type: 'button', hidden: true }, 'More');
  const load = async (cursor) => {
    const page = await get(`/api/posts/${id}/clappers?limit=20${cursor ? `&cursor=${cursor}` : ''}`);
    list.append(...page.clappers.map(clapperRow));
    if (list.children.length === 0) list.append(h('li', null, 'Nobody yet.'));
    more.hidden = page.nextCursor === null;
    more.onclick = () => load(page.nextCursor);
  };
  const details = h('details', null, h('summary', null, 'Who clapped'), list, more);
  details.addEventListener('toggle', () => {
    if (!details.open) return;
    list.replaceChildren();
    load(null).catch((failure) => list.append(h('li', { class: 'problem' }, failure.message)));
  });
  return details;
}

function clapperRow({ member, count: claps }) {
  return h(
    'li',
    null,
    h(
      'a',
      { class: 'person', href: `/@${member.handle}` },
      avatar(member, 'small'),
      h('span', null, member.name),
    ),
    h('span', { class: 'facts' }, count(claps, 'clap')),
  );
}
