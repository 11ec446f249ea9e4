import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { discoveredApi, enterpriseDomain, enterpriseForm } from "../../src/providers/copilot/host.ts";
import { copilot } from "../../src/providers/copilot/index.ts";
import { account, config, prepared } from "./copilot-setup.ts";

const ALLOWED = ["github.example.org"];

describe("an owner's enterprise domain", () => {
  test.each([
    ["company.ghe.com", "company.ghe.com"],
    ["https://Company.GHE.com/", "company.ghe.com"],
    ["  company.ghe.com ", "company.ghe.com"],
    ["github.example.org", "github.example.org"],
    ["GitHub.Example.org", "github.example.org"],
    ["github.com", null],
    ["https://www.github.com", null],
    ["api.github.com", null],
  ])("%j is read as %j", (written, domain) => {
    expect(enterpriseDomain(written, ALLOWED)).toEqual({ ok: true, domain });
  });

  test.each([
    ["another scheme", "http://company.ghe.com"],
    ["another scheme", "ftp://company.ghe.com"],
    ["a scheme without slashes", "https:company.ghe.com"],
    ["user info", "https://owner@company.ghe.com"],
    ["user info that looks like a host", "company.ghe.com@evil.example"],
    ["a port", "company.ghe.com:8443"],
    ["the default port, which a URL parser hides", "https://company.ghe.com:443"],
    ["a path", "https://company.ghe.com/login"],
    ["a doubled slash", "https://company.ghe.com//"],
    ["a query", "company.ghe.com?x=1"],
    ["a fragment", "company.ghe.com#x"],
    ["an IPv4 address", "10.0.0.1"],
    ["an IPv4 address in hexadecimal", "0x7f.0x0.0x0.0x1"],
    ["an IPv4 address with a hexadecimal end", "company.0x1"],
    ["an IPv4 address in octal", "0177.0.0.1"],
    ["a decimal IPv4 address", "2130706433"],
    ["a short IPv4 address", "127.1"],
    ["an IPv6 address", "[::1]"],
    ["an IPv6 address in a URL", "https://[fd00::1]/"],
    ["localhost", "localhost"],
    ["a name under localhost", "company.localhost"],
    ["a single label", "intranet"],
    [".local", "github.local"],
    [".internal", "github.corp.internal"],
    [".lan", "github.lan"],
    [".home.arpa", "github.home.arpa"],
    ["a trailing dot", "company.ghe.com."],
    ["a leading dot", ".ghe.com"],
    ["a non-ASCII letter", "compañy.ghe.com"],
    ["a letter that lower-cases into ASCII", "\u212Aompany.ghe.com"],
    ["an ideographic full stop", "company\u3002ghe.com"],
    ["an escape", "company%2eghe.com"],
    ["a backslash", "company.ghe.com\\evil.example"],
    ["a tab, which a URL parser drops", "company.ghe\t.com"],
    ["a line end inside", "evil.example\n.ghe.com"],
    ["an underscore", "a_b.ghe.com"],
    ["nothing", ""],
  ])("%s is refused by its form, whatever is allowed: %j", (_form, written) => {
    expect(enterpriseForm(written).ok).toBe(false);
    expect(enterpriseDomain(written, [written, written.toLowerCase()]).ok).toBe(false);
  });

  test.each([
    ["ghe.com"],
    ["evilghe.com"],
    ["company.ghe.com.evil.example"],
    ["a.b.ghe.com"],
    ["sub.github.example.org"],
    ["github.com.evil.example"],
    ["xn--company-w1a.example"],
  ])("%s is refused as not on the list, naming the variable", (written) => {
    expect(enterpriseDomain(written, ALLOWED)).toMatchObject({
      ok: false,
      reason: expect.stringContaining("COPILOT_ENTERPRISE_HOSTS"),
    });
  });

  test("whatever is written, what is accepted is on the list and means the same to a URL parser", () => {
    const pieces = [
      ".",
      "@",
      ":443",
      "/",
      "\\",
      "https://",
      "evil.example",
      ".evil.example",
      "%2e",
      "\t",
      "\u3002",
    ];
    const around = fc.array(fc.constantFrom(...pieces), { maxLength: 2 }).map((some) => some.join(""));
    fc.assert(
      fc.property(around, around, (before, after) => {
        const result = enterpriseDomain(`${before}company.ghe.com${after}`, ALLOWED);
        if (!result.ok) return;
        expect(result.domain).toBe("company.ghe.com");
        expect(new URL(`https://copilot-api.${result.domain}`).hostname).toBe(`copilot-api.${result.domain}`);
      }),
    );
  });
});

describe("the API address that a server names", () => {
  test.each([
    ["https://api.githubcopilot.com", null, "https://api.githubcopilot.com"],
    ["https://api.individual.githubcopilot.com/", null, "https://api.individual.githubcopilot.com"],
    ["https://api.business.githubcopilot.com//", null, "https://api.business.githubcopilot.com"],
    [
      "https://api.enterprise.githubcopilot.com",
      "company.ghe.com",
      "https://api.enterprise.githubcopilot.com",
    ],
    ["https://copilot-api.company.ghe.com", "company.ghe.com", "https://copilot-api.company.ghe.com"],
  ])("%s is taken (domain %j)", (url, domain, base) => {
    expect(discoveredApi(url, domain)).toBe(base);
  });

  test.each([
    ["http://api.githubcopilot.com", null],
    ["api.githubcopilot.com", null],
    ["https://api.githubcopilot.com:443", null],
    ["https://api.githubcopilot.com:8443", null],
    ["https://x@api.githubcopilot.com", null],
    ["https://api.githubcopilot.com@evil.example", null],
    ["https://api.githubcopilot.com/v1", null],
    ["https://api.githubcopilot.com?x", null],
    ["https://api.githubcopilot.com.evil.example", null],
    ["https://evil.example/api.githubcopilot.com", null],
    ["https://proxy.individual.githubcopilot.com", null],
    ["https://api.a.b.githubcopilot.com", null],
    ["https://api.githubcopilot.com.", null],
    [" https://api.githubcopilot.com", null],
    ["https://169.254.169.254", null],
    ["https://copilot-api.company.ghe.com", null],
    ["https://copilot-api.other.ghe.com", "company.ghe.com"],
    ["https://api.company.ghe.com", "company.ghe.com"],
    [undefined, null],
    [["https://api.githubcopilot.com"], null],
  ])("%j is ignored (domain %j)", (url, domain) => {
    expect(discoveredApi(url, domain)).toBeNull();
  });
});

describe("where an account's requests go", () => {
  const of = (metadata: Record<string, string>, environment = {}) =>
    copilot.origins(account(metadata), config(environment));

  test("to the generic host when nothing else is known", () => {
    expect(of({})).toEqual(["https://api.githubcopilot.com"]);
    expect(of({ domain: "github.com" })).toEqual(["https://api.githubcopilot.com"]);
  });

  test("to the discovered host, written as a name or as an address", () => {
    expect(of({ api_host: "https://api.business.githubcopilot.com" })).toEqual([
      "https://api.business.githubcopilot.com",
    ]);
    expect(of({ api_host: "api.business.githubcopilot.com" })).toEqual([
      "https://api.business.githubcopilot.com",
    ]);
  });

  test("never to a hostile stored host", () => {
    expect(of({ api_host: "https://evil.example" })).toEqual(["https://api.githubcopilot.com"]);
    expect(of({ api_host: "https://evil.example", domain: "company.ghe.com" })).toEqual([
      "https://copilot-api.company.ghe.com",
    ]);
  });

  test("to the enterprise's own host", () => {
    expect(of({ domain: "company.ghe.com" })).toEqual(["https://copilot-api.company.ghe.com"]);
    expect(of({ domain: "git.example.org" }, { COPILOT_ENTERPRISE_HOSTS: "Git.example.org" })).toEqual([
      "https://copilot-api.git.example.org",
    ]);
  });

  test("nowhere when the enterprise is not on the list (any more)", async () => {
    expect(() => of({ domain: "git.example.org" })).toThrow(/COPILOT_ENTERPRISE_HOSTS/);
    await expect(
      prepared({ messages: [] }, { metadata: { domain: "git.example.org" } }),
    ).rejects.toMatchObject({
      code: "provider_not_configured",
    });
  });

  test("to the operator's address before all others, its path kept", async () => {
    const environment = { COPILOT_API_URL: "http://127.0.0.1:9/copilot/" };
    const metadata = { api_host: "https://api.business.githubcopilot.com", domain: "company.ghe.com" };
    expect(of(metadata, environment)).toEqual(["http://127.0.0.1:9"]);
    const request = await prepared({ messages: [] }, { metadata, environment });
    expect(request.url).toBe("http://127.0.0.1:9/copilot/chat/completions");
  });
});
