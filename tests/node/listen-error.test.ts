/** Why a server cannot listen, in words for every reason that the system gives. */
import { expect, test } from "vitest";
import { listenError } from "../../adapters/node/listen-error.ts";

test.each([
  ["EADDRINUSE", /^Port 80 is taken\. Set PORT/],
  ["EACCES", /may not listen on port 80\. Set PORT/],
  ["EPERM", /may not listen on port 80\. Set PORT/],
  ["EADDRNOTAVAIL", /HOST is box\.example.*no address of this machine\. Set HOST/],
  ["EINVAL", /HOST is box\.example.*Set HOST/],
  ["EAFNOSUPPORT", /HOST is box\.example.*Set HOST/],
  ["ENOTFOUND", /HOST is box\.example, a name for which no address can be found.*Set HOST/],
  ["EAI_AGAIN", /HOST is box\.example, a name for which no address can be found.*Set HOST/],
  ["EMFILE", /cannot listen on box\.example, port 80 \(EMFILE\)\. Check HOST and PORT/],
])("%s", (code, words) => {
  const error = Object.assign(new Error("listen"), { code });
  expect(listenError(error, "box.example", 80).message).toMatch(words);
});
