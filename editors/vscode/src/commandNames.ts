/** The commands, by name. Pure. */

/** What the server does when it is asked to. The extension registers all of them itself. */
export const SERVER_COMMANDS = [
  'kibitz.analyzeDocument',
  'kibitz.analyzeWorkspace',
  'kibitz.stop',
  'kibitz.pause',
  'kibitz.resume',
  'kibitz.fix',
  'kibitz.explain',
  'kibitz.dismiss',
  'kibitz.undismiss',
  'kibitz.showDismissed',
  'kibitz.status',
  'kibitz.metrics',
  'kibitz.showStatus',
  'kibitz.showUsage',
  'kibitz.usageReport',
  'kibitz.showRequest',
  'kibitz.doctor',
  'kibitz.bugReport',
  'kibitz.reloadKey',
  'kibitz.clearCache',
  'kibitz.raiseBudget',
] as const;

export type ServerCommand = (typeof SERVER_COMMANDS)[number];

/** What the extension does itself. */
export const OWN_COMMANDS = [
  'kibitz.showMenu',
  'kibitz.setKey',
  'kibitz.forgetKey',
  'kibitz.useEmbeddedModel',
  'kibitz.choosePython',
  'kibitz.restart',
  'kibitz.showLog',
  'kibitz.openSettings',
  'kibitz.openWalkthrough',
] as const;

/** The menu, as groups of commands with their signs. */
export const MENU: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  [
    'Review',
    [
      ['kibitz.analyzeDocument', 'eye'],
      ['kibitz.analyzeWorkspace', 'files'],
      ['kibitz.stop', 'debug-stop'],
      ['kibitz.pause', 'debug-pause'],
      ['kibitz.resume', 'debug-continue'],
    ],
  ],
  [
    'Findings',
    [
      ['kibitz.explain', 'comment'],
      ['kibitz.fix', 'wand'],
      ['kibitz.dismiss', 'eye-closed'],
      ['kibitz.showDismissed', 'history'],
    ],
  ],
  [
    'Look',
    [
      ['kibitz.showStatus', 'info'],
      ['kibitz.showUsage', 'graph'],
      ['kibitz.usageReport', 'graph-line'],
      ['kibitz.showRequest', 'cloud-upload'],
      ['kibitz.doctor', 'pulse'],
      ['kibitz.bugReport', 'bug'],
      ['kibitz.showLog', 'output'],
    ],
  ],
  [
    'Set up',
    [
      ['kibitz.setKey', 'key'],
      ['kibitz.forgetKey', 'trash'],
      ['kibitz.useEmbeddedModel', 'vm'],
      ['kibitz.reloadKey', 'refresh'],
      ['kibitz.clearCache', 'clear-all'],
      ['kibitz.raiseBudget', 'credit-card'],
      ['kibitz.choosePython', 'symbol-method'],
      ['kibitz.restart', 'debug-restart'],
      ['kibitz.openSettings', 'settings-gear'],
      ['kibitz.openWalkthrough', 'book'],
    ],
  ],
];
