// Every event of the example. These names and shapes are stored for ever: change a schema by adding a version, never in place.
import { defineEvents } from 'banyan';
import { z } from 'zod';

const id = z.string();
const when = z.string();

const profile = {
  memberId: id,
  handle: z.string(),
  email: z.string(),
  name: z.string(),
  bio: z.string(),
  avatar: z.string().nullable(),
};
export const memberEvents = defineEvents({
  MemberRegistered: z.object({ ...profile, registeredAt: when }),
  ProfileEdited: z.object(profile),
  MemberRemoved: z.object({ memberId: id }),
});

const publication = {
  publicationId: id,
  slug: z.string(),
  name: z.string(),
  tagline: z.string(),
  ownerId: id,
};
export const publicationEvents = defineEvents({
  PublicationFounded: z.object({ ...publication, foundedAt: when }),
  PublicationEdited: z.object(publication),
  PublicationClosed: z.object({ publicationId: id }),
});

const story = {
  postId: id,
  slug: z.string(),
  title: z.string(),
  subtitle: z.string(),
  body: z.string(),
  thumbnail: z.string().nullable(),
  authorId: id,
  publicationId: id.nullable(),
  editedAt: when,
};
export const postEvents = defineEvents({
  PostDrafted: z.object({ ...story, draftedAt: when }),
  PostEdited: z.object(story),
  PostPublished: z.object({ postId: id, publishedAt: when, editedAt: when }),
  /** Back to a draft. */
  PostWithdrawn: z.object({ postId: id, editedAt: when }),
  PostDeleted: z.object({ postId: id, editedAt: when }),
  PostRestored: z.object({ postId: id, editedAt: when }),
  /** Its row is gone, not only marked. */
  PostErased: z.object({ postId: id }),
});

const claps = { postId: id, memberId: id, count: z.number().int() };
export const clapEvents = defineEvents({
  /** `count` is the member's claps for the post after it, `added` what this one brought. */
  ClapsGiven: z.object({ ...claps, added: z.number().int().positive() }),
  ClapsWithdrawn: z.object({ ...claps, withdrawn: z.number().int().positive() }),
});
