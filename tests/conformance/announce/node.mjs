/** Loaded into a door on Node before everything else (`--import`): says where each connection of its process goes. */
import { Socket } from "node:net";

const { connect } = Socket.prototype;

Socket.prototype.connect = function (...given) {
  const [options] = Array.isArray(given[0]) ? given[0] : given;
  process.stderr.write(`outgoing ${options.path ?? `${options.host}:${options.port}`}\n`);
  return Reflect.apply(connect, this, given);
};
