--- The language server: whether it is installed, what runs of it, and asking it.
local messages = require('kibitz.messages')

local M = {}

M.NAME = 'kibitz'
M.INSTALL = 'install it so that it is on your PATH (with pipx or uv, as its README says), or name it: '
  .. "vim.lsp.config('kibitz', { cmd = { '/path/to/kibitz', 'serve' } })"

--- The command that starts the server, or nil where a function does.
---@return string?
function M.executable()
  local cmd = vim.lsp.config[M.NAME].cmd
  return type(cmd) == 'table' and cmd[1] or nil
end

---@return boolean
function M.installed()
  local executable = M.executable()
  return executable == nil or vim.fn.executable(executable) == 1
end

--- Why nothing can run, and what to do about it.
---@return string
function M.missing()
  return ('the server is not installed: there is no command `%s`. To have reviews, %s'):format(
    M.executable(), M.INSTALL)
end

--- Have the server started with the first file that it is for. That it is missing is said then, and once.
function M.enable()
  vim.lsp.enable(M.NAME)
  vim.api.nvim_create_autocmd('FileType', {
    group = vim.api.nvim_create_augroup('kibitz', {}),
    pattern = vim.lsp.config[M.NAME].filetypes,
    desc = 'Say once if the server of kibitz is not installed',
    callback = function(event)
      if vim.bo[event.buf].buftype ~= '' then
        return false
      end
      if not M.installed() then
        messages.warn(M.missing())
      end
      return true
    end,
  })
end

--- The client of a buffer, or where it has none, any that runs.
---@param buffer? integer
---@return vim.lsp.Client?
function M.client(buffer)
  local own = vim.lsp.get_clients({ name = M.NAME, bufnr = buffer or 0 })[1]
  return own or vim.lsp.get_clients({ name = M.NAME })[1]
end

--- Why no client runs, and what to do.
---@return string
function M.why_none()
  if not M.installed() then
    return M.missing()
  end
  return ('it does not run here, or not yet. Open a file that it reviews (this one is of type "%s"), or start '
    .. 'it again: :Kibitz restart'):format(vim.bo.filetype)
end

--- Ask the server to execute a command. Nothing waits; what goes wrong is told.
---@param command string such as `kibitz.stop`
---@param arguments? table[]
---@param answered? fun(result: any) is called with the answer, unless there is none
---@param ended? fun() is called in any case
function M.ask(command, arguments, answered, ended)
  ended = ended or function() end
  local client = M.client()
  if client == nil then
    messages.warn(M.why_none())
    return ended()
  end
  local known = vim.tbl_get(client.server_capabilities or {}, 'executeCommandProvider', 'commands') or {}
  if not vim.tbl_contains(known, command) then
    messages.warn(('the server that runs does not know %s; a newer one does'):format(command))
    return ended()
  end
  local params = { command = command, arguments = arguments }
  local sent = client:request('workspace/executeCommand', params, function(failure, result)
    if failure then
      messages.warn(failure.message)
    elseif answered then
      answered(result)
    end
    ended()
  end, vim.api.nvim_get_current_buf())
  if not sent then
    messages.warn(M.why_none())
    ended()
  end
end

--- Start it for the files that are open. Before Neovim is up, enabling looks at none of them.
local function start()
  if vim.v.vim_did_enter == 1 then
    vim.lsp.enable(M.NAME)
  else
    vim.api.nvim_create_autocmd('VimEnter', { once = true, callback = vim.schedule_wrap(start) })
  end
end

--- Times of ends that nobody wanted, in milliseconds.
---@type integer[]
local crashes = {}
local CRASHES, WITHIN_MS, PAUSE_MS = 3, 180000, 300

--- The server ended. If nobody wanted that, start it again, but not forever.
---@param code integer
---@param signal integer
function M.ended(code, signal)
  local wanted = code == 0 and (signal == 0 or signal == 15)
  if wanted or vim.v.exiting ~= vim.NIL or not vim.lsp._enabled_configs[M.NAME] then
    return
  end
  local now = vim.uv.now()
  crashes = vim.tbl_filter(function(at) return now - at < WITHIN_MS end, crashes)
  table.insert(crashes, now)
  if #crashes > CRASHES then
    -- Neovim's own message about the end comes last otherwise, and hides it.
    return vim.defer_fn(function()
      messages.warn(('the server ended %d times within minutes, so it is not started again. '
        .. ':Kibitz log says why; :Kibitz restart tries once more'):format(#crashes))
    end, PAUSE_MS)
  end
  vim.defer_fn(start, PAUSE_MS)
end

--- Stop what runs, and start it for the files that are open.
function M.restart()
  if not M.installed() then
    return messages.warn(M.missing())
  end
  local old = vim.lsp.get_clients({ name = M.NAME })
  for _, client in ipairs(old) do
    client:stop()
  end
  local timer, waited = assert(vim.uv.new_timer()), 0
  timer:start(0, 50, vim.schedule_wrap(function()
    if timer:is_closing() then
      return
    end
    waited = waited + 50
    local all_stopped = vim.iter(old):all(function(client)
      return client:is_stopped()
    end)
    if not all_stopped and waited < 3000 then
      return
    end
    timer:close()
    for _, client in ipairs(old) do
      client:stop(true)
    end
    start()
  end))
end

--- Change settings, of what runs as of what starts later.
---@param settings table<string, any>
function M.configure(settings)
  vim.lsp.config(M.NAME, { settings = { kibitz = settings } })
  for _, client in ipairs(vim.lsp.get_clients({ name = M.NAME })) do
    client.settings = vim.tbl_deep_extend('force', client.settings or {}, { kibitz = settings })
    client:notify('workspace/didChangeConfiguration', { settings = client.settings })
  end
end

return M
