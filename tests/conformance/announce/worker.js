/** Stands between a Worker and the network: says where each of its requests goes, and passes it on as it is. */
export default {
  fetch(request) {
    console.log(`outgoing ${new URL(request.url).host}`);
    return fetch(request);
  },
};
