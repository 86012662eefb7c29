// Signing up, logging in, and one's own profile.
import { currentSession, get, keepSession, post, put } from '../api.js';
import { field, form } from '../card.js';
import { h } from '../dom.js';

export async function logInPage(_, navigate) {
  const content = h(
    'div',
    { class: 'slim' },
    h('h1', null, 'Welcome back'),
    form(
      {
        button: 'Log in',
        submit: async ({ login, password }) => {
          keepSession(await post('/api/login', { login, password }));
          navigate('/');
        },
      },
      field(
        'Handle or email',
        h('input', { name: 'login', required: true, autocomplete: 'username', autocapitalize: 'none' }),
      ),
      field('Password', passwordInput('current-password')),
    ),
    h('p', { class: 'aside' }, 'New here? ', h('a', { href: '/signup' }, 'Sign up')),
  );
  return { title: 'Log in', content };
}

export async function signUpPage(_, navigate) {
  const content = h(
    'div',
    { class: 'slim' },
    h('h1', null, 'Join Understory'),
    form(
      {
        button: 'Sign up',
        submit: async (fields) => {
          keepSession(await post('/api/signup', fields));
          navigate('/');
        },
      },
      field('Name', h('input', { name: 'name', required: true, maxlength: 80, autocomplete: 'name' })),
      field(
        'Handle',
        h('input', {
          name: 'handle',
          required: true,
          pattern: '[A-Za-z0-9_]{2,30}',
          autocomplete: 'username',
          autocapitalize: 'none',
        }),
        'Letters, digits and underscores.',
      ),
      field('Email', h('input', { name: 'email', type: 'email', required: true, autocomplete: 'email' })),
      field('Password', passwordInput('new-password'), 'At least six characters.'),
    ),
    h('p', { class: 'aside' }, 'A member already? ', h('a', { href: '/login' }, 'Log in')),
  );
  return { title: 'Sign up', content };
}

function passwordInput(autocomplete) {
  return h('input', {
    name: 'password',
    type: 'password',
    required: true,
    minlength: 6,
    maxlength: 200,
    autocomplete,
  });
}

export async function settingsPage(_, navigate) {
  const me = await get('/api/me');
  const bio = h('textarea', { name: 'bio', rows: 4, maxlength: 500 });
  bio.value = me.bio;
  const content = h(
    'div',
    { class: 'slim' },
    h('h1', null, 'Your profile'),
    form(
      {
        button: 'Save',
        submit: async (fields) => {
          const { id, handle, name, avatar } = await put('/api/me', fields);
          const session = currentSession();
          if (session) keepSession({ ...session, member: { id, handle, name, avatar } });
          navigate(`/@${handle}`);
        },
      },
      field('Name', h('input', { name: 'name', required: true, maxlength: 80, value: me.name })),
      field('About you', bio),
      field(
        'Picture',
        h('input', { name: 'avatar', maxlength: 500, value: me.avatar }),
        'A web address, or gradient: and any word.',
      ),
    ),
    h('p', { class: 'aside' }, me.email),
  );
  return { title: 'Your profile', content };
}
