// The clap button: counts at once, sends what was clapped in one request after a short pause, fifty at most.
import { currentSession, get, post } from './api.js';
import { count, h, svg } from './dom.js';

const MAX_CLAPS = 50;
const PAUSE_MS = 700;

export function clapButton(story, navigate) {
  let [own, total] = [story.readerClaps, story.claps];
  let pending = 0;
  let timer;

  const number = h('span', { class: 'clap-count', 'aria-live': 'polite' });
  const bubble = h('span', { class: 'clap-bubble', 'aria-hidden': 'true' });
  const note = h('span', { class: 'hint', role: 'status' });
  const button = h(
    'button',
    { class: 'clap', type: 'button', 'aria-label': 'Clap for this story' },
    hands(),
    bubble,
  );

  const show = () => {
    number.textContent = count(total + pending, 'clap');
    button.classList.toggle('clap-given', own + pending > 0);
    bubble.textContent = `+${own + pending}`;
    if (own + pending > 0)
      note.textContent = own + pending >= MAX_CLAPS ? 'All fifty are yours.' : `${own + pending} from you`;
  };

  /** Leaving at once must not lose the claps. */
  const flushWhenLeaving = () => flush({ keepalive: true });

  const flush = async (options) => {
    clearTimeout(timer);
    removeEventListener('pagehide', flushWhenLeaving);
    if (pending === 0) return;
    const sent = pending;
    try {
      const answer = await post(`/api/posts/${story.id}/claps`, { count: sent }, options);
      [own, total] = [answer.memberClaps, answer.totalClaps];
      pending -= sent;
      show();
    } catch (failure) {
      pending -= sent;
      await get(`/api/posts/${story.id}/claps`)
        .then((claps) => {
          [own, total] = [claps.readerClaps, claps.totalClaps];
        })
        .catch(() => {});
      show();
      note.textContent = failure.message;
    }
  };

  button.addEventListener('click', () => {
    if (!currentSession()) {
      navigate('/login');
      return;
    }
    if (own + pending >= MAX_CLAPS) return;
    pending += 1;
    show();
    bubble.classList.remove('clap-rising');
    void bubble.offsetWidth; // Reading the layout lets the animation start anew.
    bubble.classList.add('clap-rising');
    clearTimeout(timer);
    timer = setTimeout(() => flush(), PAUSE_MS);
    addEventListener('pagehide', flushWhenLeaving);
  });

  show();
  return h('div', { class: 'clap-row' }, button, h('div', null, number, note));
}

function hands() {
  return svg(
    'svg',
    {
      viewBox: '0 0 24 24',
      width: 30,
      height: 30,
      'aria-hidden': 'true',
      fill: 'none',
      stroke: 'currentColor',
      'stroke-width': 1.5,
      'stroke-linecap': 'round',
      'stroke-linejoin': 'round',
    },
    svg('path', {
      d: 'M8.5 12.5 5.2 9.200a1.2 1.2 0 0 1 1.7-1.700l4.6 4.600M9.7 10.3 6.8 7.400a1.2 1.2 0 0 1 1.7-1.700l5 5M11.3 8.5 9.8 7a1.2 1.2 0 0 1 1.7-1.700l5 5V8a1.2 1.2 0 0 1 2.4 0v5.700c0 4-2.7 6.8-6.3 6.8-2 0-3.5-.7-5-2.200L3.9 14.600a1.2 1.2 0 0 1 1.7-1.700l2.9 2.9',
    }),
    svg('path', { d: 'M14 2.500v1.700M17.2 3.400l-.8 1.500M10.8 3.400l.5 1' }),
  );
}
