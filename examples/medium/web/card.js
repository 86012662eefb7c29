// A story in a list, and the small parts that pages share.
import { count, date, h } from './dom.js';
import { avatar, thumbnail } from './picture.js';

export function byline(member, ...rest) {
  return h(
    'p',
    { class: 'byline' },
    h(
      'a',
      { class: 'person', href: `/@${member.handle}` },
      avatar(member, 'small'),
      h('span', null, member.name),
    ),
    ...rest,
  );
}

/** `author` is left out on the author's own page, the publication on the publication's. */
export function storyCard(story, { isLead = false } = {}) {
  const { slug, title, subtitle, publishedAt, author, publication, claps } = story;
  const where =
    publication && h('span', null, 'in ', h('a', { href: `/pub/${publication.slug}` }, publication.name));
  return h(
    'article',
    { class: isLead ? 'card card-lead' : 'card' },
    h(
      'div',
      { class: 'card-text' },
      author ? byline(author, where) : where && h('p', { class: 'byline' }, where),
      h('h2', null, h('a', { class: 'card-link', href: `/p/${slug}` }, title)),
      subtitle && h('p', { class: 'subtitle' }, subtitle),
      h('p', { class: 'facts' }, date(publishedAt), h('span', null, count(claps, 'clap'))),
    ),
    thumbnail(story.thumbnail, 'card-picture'),
  );
}

export function emptyNote(...content) {
  return h('p', { class: 'empty' }, ...content);
}

/** A label around its control; `hint` is read with it. */
export function field(label, control, hint) {
  if (hint) control.setAttribute('aria-describedby', `hint-${control.name}`);
  return h(
    'label',
    { class: 'field' },
    h('span', { class: 'label' }, label),
    control,
    hint && h('span', { class: 'hint', id: `hint-${control.name}` }, hint),
  );
}

/** A form whose `submit(fields, pressedButton)` may fail: the message appears in it, the button waits meanwhile. */
export function form({ submit, button, secondary }, ...fields) {
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const send = h('button', { class: 'button', type: 'submit' }, button);
  const element = h(
    'form',
    { class: 'form' },
    ...fields,
    problem,
    h('div', { class: 'actions' }, send, secondary),
  );
  element.addEventListener('submit', async (event) => {
    event.preventDefault();
    problem.hidden = true;
    send.disabled = true;
    try {
      await submit(Object.fromEntries(new FormData(element)), event.submitter);
    } catch (failure) {
      problem.textContent = failure.message;
      problem.hidden = false;
    } finally {
      send.disabled = false;
    }
  });
  return element;
}
