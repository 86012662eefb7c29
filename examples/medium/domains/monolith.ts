// The monolith's tables as mappings see them. Columns that are left out (password hashes) never reach an event.
import { bigint, defineSource, instant, int, oneOf, text } from 'banyan';

export const medium = defineSource({
  name: 'medium',
  tables: {
    members: {
      key: ['id'],
      columns: {
        id: bigint(),
        handle: text(),
        email: text(),
        name: text(),
        bio: text(),
        avatar: text().nullable(),
        created_at: instant(),
        updated_at: instant(),
      },
    },
    publications: {
      key: ['id'],
      columns: {
        id: bigint(),
        slug: text(),
        name: text(),
        tagline: text(),
        owner_id: bigint(),
        created_at: instant(),
        updated_at: instant(),
      },
    },
    posts: {
      key: ['id'],
      columns: {
        id: bigint(),
        slug: text(),
        title: text(),
        subtitle: text(),
        body: text(),
        thumbnail: text().nullable(),
        status: oneOf('draft', 'published'),
        author_id: bigint(),
        publication_id: bigint().nullable(),
        created_at: instant(),
        updated_at: instant(),
        published_at: instant().nullable(),
        deleted_at: instant().nullable(),
      },
    },
    claps: {
      key: ['post_id', 'member_id'],
      columns: { post_id: bigint(), member_id: bigint(), count: int() },
    },
  },
});
