/** Explains why the server cannot listen, and names the variable to change. */

/** `host` and `port` as they were asked for. */
export function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  return new Error(wordsOf(error.code, host, port), { cause: error });
}

function wordsOf(code: string | undefined, host: string, port: number): string {
  switch (code) {
    case "EADDRINUSE":
      return `Port ${port} is taken. Set PORT to another one.`;
    case "EACCES":
    case "EPERM":
      return `This user may not listen on port ${port}. Set PORT to one from 1024 to 65535.`;
    case "EADDRNOTAVAIL":
    case "EINVAL":
      return `HOST is ${host}, which is no address of this machine. Set HOST to 127.0.0.1 for this machine alone, or to 0.0.0.0 for all its addresses.`;
    case "EAFNOSUPPORT":
      return `HOST is ${host}, and this machine has no network of that kind. Set HOST to 127.0.0.1 or 0.0.0.0.`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EAI_FAIL":
    case "EAI_NODATA":
      return `HOST is ${host}, a name for which no address can be found (${code}). Set HOST to an address of this machine, such as 127.0.0.1 or 0.0.0.0.`;
    default:
      return `Kleis cannot listen on ${host}, port ${port} (${code ?? "no reason given"}). Check HOST and PORT.`;
  }
}
