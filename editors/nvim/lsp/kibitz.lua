-- The language server for `vim.lsp.enable('kibitz')`. The plugin enables it by itself (see plugin/kibitz.lua).
--
-- The server finds its key in OPENAI_API_KEY; without one it uses the embedded model if it is there
-- (`kibitz model pull`). Settings: `vim.lsp.config('kibitz', { settings = { kibitz = { … } } })`.

---@type vim.lsp.Config
return {
  cmd = { 'kibitz', 'serve' },
  filetypes = {
    'python', 'javascript', 'javascriptreact', 'typescript', 'typescriptreact', 'go', 'rust', 'java',
    'c', 'cpp', 'cs', 'ruby', 'php', 'sh', 'bash',
  },
  root_markers = { '.kibitz', '.git' },
  -- kibitz speaks LSP's names for languages; Neovim has its own for these.
  get_language_id = function(_, filetype)
    return ({ cs = 'csharp', sh = 'shellscript', bash = 'shellscript' })[filetype] or filetype
  end,
  handlers = {
    ['$/kibitz/status'] = function(_, status, ctx)
      require('kibitz.status').update(ctx.client_id, status)
    end,
    ['window/showMessage'] = function(_, params)
      require('kibitz.messages').show(params)
      return params
    end,
  },
  on_exit = function(code, signal, client_id)
    vim.schedule(function()
      require('kibitz.status').forget(client_id)
      require('kibitz.server').ended(code, signal)
    end)
  end,
}
