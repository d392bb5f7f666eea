/** akuma wget URL [FILE]: one download into a folder of the host, which is all of it that the guest sees. */
import { basename, dirname, resolve } from "node:path";
import { UsageError } from "./errors.ts";
import { bootKernel, checkFolder, runInKernel, type SessionFlags } from "./session.ts";

interface WgetFlags extends SessionFlags {
  quiet?: boolean;
  serverResponse?: boolean;
}

/** Where the guest finds the folder. */
const GUEST_FOLDER = "/here";

export async function fetchUrl(urlText: string, file: string | undefined, flags: WgetFlags): Promise<number> {
  const grant = grantFor(urlText);
  const toStdout = file === "-";
  const folder = file === undefined || toStdout ? process.cwd() : dirname(resolve(file));
  checkFolder(folder);
  const { allowNet } = flags;
  const kernel = await bootKernel(flags, {
    mounts: toStdout ? {} : { [GUEST_FOLDER]: { path: folder, writable: true } },
    allowNet: allowNet === true ? true : [grant, ...(allowNet ?? [])],
  });
  const target = file === undefined ? [] : [toStdout ? "-" : fileName(file)];
  const words = [
    ...(flags.quiet === true ? ["--quiet"] : []),
    ...(flags.serverResponse === true ? ["--server-response"] : []),
    "--",
    urlText,
    ...target,
  ];
  const workingDirectory = toStdout ? "/tmp" : GUEST_FOLDER;
  return await runInKernel(kernel, "/bin/wget", flags, { arguments: words, stdin: "ignore", workingDirectory });
}

/** In its folder, which the guest is in; a file that is called "-" is not stdout. */
function fileName(file: string): string {
  const name = basename(file);
  return name === "-" ? "./-" : name;
}

/** "example.com:80" for the URL that the user names, and thereby grants. */
export function grantFor(urlText: string): string {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(urlText) ? urlText : `http://${urlText}`;
  let url: URL;
  try {
    url = new URL(withScheme);
  } catch {
    throw new UsageError(`"${urlText}" is no URL: write it as http://HOST[:PORT]/PATH`, "akuma wget --help");
  }
  if (url.protocol !== "http:") {
    throw new UsageError(`${url.protocol}// is more than wget can do so far: only http:// works`, "akuma wget --help");
  }
  if (url.hostname.startsWith("["))
    throw new UsageError("IPv6 addresses cannot be reached so far", "akuma wget --help");
  return `${url.hostname}:${url.port || 80}`;
}
