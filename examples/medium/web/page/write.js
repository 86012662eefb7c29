// The desk: a new story, or one's own to edit; save as a draft, or publish.
import { get, post, put } from '../api.js';
import { field, form } from '../card.js';
import { h } from '../dom.js';

export async function writePage({ slug }, navigate) {
  const [story, { publications }] = await Promise.all([
    slug ? get(`/api/posts/${encodeURIComponent(slug)}`) : null,
    get('/api/publications'),
  ]);
  const isPublished = story?.status === 'published';
  const publish = h('button', { class: 'button', type: 'submit' }, 'Save and publish');
  /** The story as it was saved last: a second try after a failure must not create a second story. */
  let saved = story;

  /** A new story without a picture gets hills of its own. */
  const ownHills = story ? null : `gradient:${crypto.getRandomValues(new Uint32Array(1))[0]}`;

  const submit = async (fields, pressed) => {
    const changes = {
      ...fields,
      publicationId: fields.publicationId || null,
      thumbnail: fields.thumbnail || ownHills,
    };
    saved = saved ? await put(`/api/posts/${saved.id}`, changes) : await post('/api/posts', changes);
    if (pressed === publish) await post(`/api/posts/${saved.id}/publish`);
    navigate(`/p/${saved.slug}`);
  };

  const body = h('textarea', { name: 'body', rows: 16, maxlength: 100000, class: 'manuscript' });
  body.value = story?.body ?? '';
  const content = h(
    'div',
    { class: 'narrow' },
    h('h1', null, story ? 'Edit your story' : 'Write a story'),
    form(
      {
        button: isPublished ? 'Save' : 'Save draft',
        secondary: !isPublished && publish,
        submit,
      },
      field(
        'Title',
        h('input', { name: 'title', required: true, maxlength: 200, value: story?.title, class: 'headline' }),
      ),
      field('Subtitle', h('input', { name: 'subtitle', maxlength: 300, value: story?.subtitle })),
      field(
        'Story',
        body,
        'A blank line starts a paragraph, “## ” a heading, “> ” a quotation, “- ” a list.',
      ),
      field('Publication', publicationChoice(publications, story?.publication?.id)),
      field(
        'Picture',
        h('input', { name: 'thumbnail', maxlength: 500, value: story?.thumbnail }),
        'A web address, or gradient: and any word.',
      ),
    ),
  );
  return { title: story ? story.title : 'Write a story', content };
}

function publicationChoice(publications, chosenId) {
  return h(
    'select',
    { name: 'publicationId' },
    h('option', { value: '' }, 'None'),
    publications.map(({ id, name }) => h('option', { value: id, selected: id === chosenId }, name)),
  );
}
