// Shows the page that the address names, the navigation for whoever is logged in, and which side answered last.
import { currentSession, keepSession } from './api.js';
import { h } from './dom.js';
import { logInPage, settingsPage, signUpPage } from './page/account.js';
import { feedPage } from './page/feed.js';
import { draftsPage, memberPage } from './page/member.js';
import { newPublicationPage, publicationPage, publicationsPage } from './page/publication.js';
import { storyPage } from './page/story.js';
import { writePage } from './page/write.js';
import { avatar } from './picture.js';

const PAGES = [
  { pattern: /^\/$/, show: feedPage },
  { pattern: /^\/p\/(?<slug>[^/]+)$/, show: storyPage },
  { pattern: /^\/@(?<handle>[^/]+)$/, show: memberPage },
  { pattern: /^\/pub\/(?<slug>[^/]+)$/, show: publicationPage },
  { pattern: /^\/publications$/, show: publicationsPage },
  { pattern: /^\/publications\/new$/, show: newPublicationPage, isForMembers: true },
  { pattern: /^\/write(\/(?<slug>[^/]+))?$/, show: writePage, isForMembers: true },
  { pattern: /^\/drafts$/, show: draftsPage, isForMembers: true },
  { pattern: /^\/settings$/, show: settingsPage, isForMembers: true },
  { pattern: /^\/login$/, show: logInPage },
  { pattern: /^\/signup$/, show: signUpPage },
];

const main = document.getElementById('page');
const navigation = document.getElementById('navigation');
const side = document.getElementById('side');
/** Counts the pages asked for, so that a slow answer never replaces a newer page. */
let latest = 0;

export function navigate(address) {
  history.pushState(null, '', address);
  void showPage(true);
}

async function showPage(isNavigation) {
  latest += 1;
  const mine = latest;
  main.setAttribute('aria-busy', 'true');
  const { title, content } = await build(location.pathname);
  if (mine !== latest) return;
  document.title = title === 'Understory' ? title : `${title} – Understory`;
  main.replaceChildren(content);
  main.removeAttribute('aria-busy');
  if (!isNavigation) return;
  scrollTo(0, 0);
  main.focus({ preventScroll: true });
}

async function build(path) {
  const page = PAGES.find(({ pattern }) => pattern.test(path));
  if (!page) return failurePage('This page does not exist', 'The path leads nowhere.');
  if (page.isForMembers && !currentSession()) return logInPage({}, navigate);
  try {
    return await page.show(parametersOf(page.pattern, path), navigate);
  } catch (failure) {
    if (failure.status === 404) return failurePage('Not here', failure.message);
    if (failure.status === 401) return logInPage({}, navigate);
    return failurePage('Something is wrong', failure.message ?? 'Try again soon.');
  }
}

function parametersOf(pattern, path) {
  const groups = Object.entries(pattern.exec(path)?.groups ?? {});
  return Object.fromEntries(groups.map(([name, value]) => [name, value && decodeURIComponent(value)]));
}

function failurePage(title, message) {
  const again = h(
    'button',
    { class: 'button button-quiet', type: 'button', onclick: () => showPage(true) },
    'Try again',
  );
  const content = h(
    'div',
    { class: 'slim' },
    h('h1', null, title),
    h('p', null, message),
    h(
      'p',
      { class: 'actions' },
      again,
      h('a', { class: 'button button-quiet', href: '/' }, 'To the front page'),
    ),
  );
  return { title, content };
}

function showNavigation() {
  const member = currentSession()?.member;
  if (!member) {
    navigation.replaceChildren(
      h('a', { href: '/login' }, 'Log in'),
      h('a', { class: 'button', href: '/signup' }, 'Sign up'),
    );
    return;
  }
  const leave = () => {
    keepSession(null);
    navigate('/');
  };
  navigation.replaceChildren(
    h('a', { href: '/write' }, 'Write'),
    h('a', { class: 'wide-only', href: '/drafts' }, 'Drafts'),
    h('button', { class: 'link', type: 'button', onclick: leave }, 'Log out'),
    h(
      'a',
      { href: `/@${member.handle}`, 'aria-label': `Your page, ${member.name}` },
      avatar(member, 'small'),
    ),
  );
}

addEventListener('click', (event) => {
  const link = event.target.closest?.('a[href^="/"]');
  if (!link || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  navigate(link.getAttribute('href'));
});
addEventListener('popstate', () => showPage(true));
addEventListener('session-changed', showNavigation);
addEventListener('side-answered', ({ detail }) => {
  side.hidden = false;
  side.className = `side side-${detail === 'service' ? 'service' : 'monolith'}`;
  side.textContent = `answered by ${detail}`;
});

showNavigation();
void showPage(false);
