// What the user is told when something does not work: what happened, and what to do.

export const connection_lost = (retry_ms) => `The connection was lost. Trying again in ${retry_ms / 1000} s.`;
export const microphone_gone = 'The microphone went away. Press the button to use another one.';
export const no_loudspeaker = (error) => `The loudspeaker could not be opened (${error.message}).`;
export const answer_failed = 'The answer failed. Ask again.';

export const insecure_page = (port) =>
  'Browsers give the microphone only to pages opened by https:// or from this machine. '
  + `Open http://localhost:${port} on the server’s own machine, or put the server behind TLS.`;

// `error` is what getUserMedia threw.
export function microphone_closed(error) {
  switch (error.name) {
    case 'NotAllowedError':
      return 'The microphone is blocked. Allow it for this page in the browser’s address bar, then press the button again. '
        + 'You can type meanwhile.';
    case 'NotFoundError':
      return 'No microphone was found. Connect one and press the button again. You can type meanwhile.';
    case 'NotReadableError':
      return 'Another program is using the microphone. Close it and press the button again. You can type meanwhile.';
    default:
      return `The microphone could not be opened (${error.message || error.name}). You can type meanwhile.`;
  }
}

// `why` is Link's.
export function call_refused(why, message) {
  switch (why) {
    case 'key':
      return 'This server wants an access key, or another one than yours.';
    case 'key that cannot be sent':
      return 'A browser cannot send this access key: it may hold letters, digits and -._~ but no spaces or slashes. Another one?';
    case 'full':
      return 'All places are taken at the moment. Try again in a minute.';
    case 'draining':
      return 'The server is about to restart. Try again in a minute.';
    case 'unreachable':
      return 'The server does not answer. Is it running?';
    case 'refused':
      return 'The server is there but takes no call from this page: there are too many from your address already, or it does '
        + 'not know the address that this page was opened by.';
    default:
      return `The server ended the call${message ? `: ${message}` : '.'}`;
  }
}
