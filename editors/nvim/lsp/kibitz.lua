-- kibitz for Neovim 0.11 and newer. With this folder on 'runtimepath':
--
--   vim.lsp.enable('kibitz')
--
-- The server finds its key in OPENAI_API_KEY; without one it uses the embedded model if it is there
-- (`kibitz model pull`). Settings: `vim.lsp.config('kibitz', { settings = { kibitz = { … } } })`.
return {
  cmd = { 'kibitz', 'serve' },
  filetypes = {
    'python', 'javascript', 'javascriptreact', 'typescript', 'typescriptreact', 'go', 'rust', 'java',
    'c', 'cpp', 'cs', 'ruby', 'php', 'sh', 'bash',
  },
  root_markers = { '.git' },
  -- kibitz speaks LSP's names for languages; Neovim has its own for these.
  get_language_id = function(_, filetype)
    return ({ cs = 'csharp', sh = 'shellscript', bash = 'shellscript' })[filetype] or filetype
  end,
}
