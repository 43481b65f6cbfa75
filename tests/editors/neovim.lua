-- Drives kibitz in a real Neovim the way a user would, and reports what was seen as one JSON object.
--
--   nvim --headless --clean -l neovim.lua REPOSITORY KIBITZ FILE
--
-- Every wait is for a condition; what does not come true within its bound is reported as it stands.
local repository, kibitz, file = arg[1], arg[2], arg[3]
local seen = { messages = {} }

local function wait(condition)
  return vim.wait(30000, condition, 20)
end

vim.opt.runtimepath:prepend(repository .. '/editors/nvim')
vim.lsp.config('kibitz', { cmd = { kibitz, 'serve' } })
vim.lsp.handlers['window/showMessage'] = function(_, params)
  table.insert(seen.messages, params.message)
end
vim.lsp.enable('kibitz')
vim.cmd('filetype plugin on') -- `nvim -l` starts without it, and filetype is what starts the client
vim.cmd.edit(file)
local buffer = vim.api.nvim_get_current_buf()

local function client()
  return vim.lsp.get_clients({ bufnr = buffer, name = 'kibitz' })[1]
end
seen.attached = wait(function() return client() ~= nil and client().initialized end)
seen.encoding = client() and client().offset_encoding

-- Either a finding comes, or a message says why none will.
wait(function() return #vim.diagnostic.get(buffer) > 0 or #seen.messages > 0 end)
local diagnostic = vim.diagnostic.get(buffer)[1]
if diagnostic then
  seen.diagnostic = {
    source = diagnostic.source,
    code = diagnostic.code,
    severity = diagnostic.severity,
    message = diagnostic.message,
    lnum = diagnostic.lnum,
    covers = vim.api.nvim_buf_get_text(
      buffer, diagnostic.lnum, diagnostic.col, diagnostic.end_lnum, diagnostic.end_col, {})[1],
  }
  vim.api.nvim_win_set_cursor(0, { diagnostic.lnum + 1, diagnostic.col })
  local before = vim.api.nvim_buf_get_changedtick(buffer)
  vim.lsp.buf.code_action({
    apply = true, -- only if one is left; explaining and dismissing are quick fixes, too
    filter = function(action) return action.isPreferred end,
    context = { only = { 'quickfix' } },
  })
  seen.applied = wait(function() return vim.api.nvim_buf_get_changedtick(buffer) > before end)
  seen.cleared = wait(function() return #vim.diagnostic.get(buffer) == 0 end)
  vim.cmd('silent write')
end

if client() then
  local running = client()
  running:stop()
  seen.stopped = wait(function() return running:is_stopped() end)
end
io.stdout:write(vim.json.encode(seen) .. '\n')
vim.cmd('qa!')
