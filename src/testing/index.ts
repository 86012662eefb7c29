// `banyan/testing`: scenarios for deciders, and the contract that an event store of one's own is held to.
export { eventStoreContract, type LogUnderTest } from './contract/event-store.ts';
export { leaseStoreContract } from './contract/lease-store.ts';
export { type GivenEvents, given, type Scenario, type Then } from './scenario.ts';
