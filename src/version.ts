/** The version that Kleis names itself by (`kleis/<version>`); equal to package.json's, which a test checks. */
export const VERSION = "0.1.0";

/** The user agent towards every upstream that is told who is asking. */
export const USER_AGENT = `kleis/${VERSION}`;
