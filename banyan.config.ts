// What `npx banyan` finds in this folder: the example that `npm start` runs.
export { default } from './examples/medium/banyan.config.ts';
