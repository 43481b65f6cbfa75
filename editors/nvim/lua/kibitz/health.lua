--- `:checkhealth kibitz`.
local messages = require('kibitz.messages')
local server = require('kibitz.server')
local status = require('kibitz.status')

local M = {}

local SECONDS = 20
local REPORTS = { ok = vim.health.ok, note = vim.health.info, problem = vim.health.error }

---@param command string[]
---@return string? output nil if it failed
local function output(command)
  local started, process = pcall(vim.system, command, { text = true })
  local done = started and process:wait(SECONDS * 1000)
  return done and done.code == 0 and vim.trim(done.stdout) or nil
end

---@return boolean whether there is one to go on with
local function check_executable()
  local executable = server.executable()
  if executable == nil then
    vim.health.info('The server is started by a function of your configuration.')
    return true
  end
  if not server.installed() then
    vim.health.error(('There is no command `%s`.'):format(executable), { 'To have reviews, ' .. server.INSTALL })
    return false
  end
  local version = output({ executable, '--version' })
  if version == nil then
    vim.health.error(('`%s --version` fails.'):format(executable), { 'Run it in a terminal to see why.' })
    return false
  end
  vim.health.ok(('%s (%s)'):format(version, vim.fn.exepath(executable)))
  return true
end

---@param client vim.lsp.Client
local function check_client(client)
  local root = client.root_dir and ' in ' .. vim.fn.fnamemodify(client.root_dir, ':~') or ''
  local count = vim.tbl_count(client.attached_buffers)
  vim.health.ok(('Client %d runs%s for %d file%s.'):format(client.id, root, count, count == 1 and '' or 's'))
  local buffer = next(client.attached_buffers)
  local now = buffer and status.get(buffer)
  if now == nil then
    return
  end
  local report = (now.state == 'off' or now.state == 'degraded') and vim.health.warn or vim.health.info
  local cost = status.cost(now)
  local spent = cost ~= '' and (' Today: %s.'):format(cost) or ''
  report(('It is %s: %s.%s'):format(now.state, now.message, spent), now.action ~= '' and { now.action } or nil)
end

--- What the server finds when it looks at everything but the model, which would cost.
---@param client vim.lsp.Client
local function examine(client)
  vim.health.start('kibitz: what the server finds (kibitz doctor --offline)')
  local listen = messages.hush()
  local params = { command = 'kibitz.doctor', arguments = { { offline = true } } }
  local answer, late = client:request_sync('workspace/executeCommand', params, SECONDS * 1000, 0)
  listen()
  local lines = answer and vim.tbl_get(answer, 'result', 'lines')
  if lines == nil then
    return vim.health.error('The server did not answer: ' .. (late or vim.tbl_get(answer, 'err', 'message') or '?'))
  end
  for _, line in ipairs(lines) do
    (REPORTS[line.state] or vim.health.info)(line.what, line.advice ~= '' and line.state == 'problem' and { line.advice } or nil)
  end
end

function M.check()
  vim.health.start('kibitz')
  if not check_executable() then
    return
  end
  if vim.g.kibitz_enable == false then
    vim.health.info("The plugin does not start the server (vim.g.kibitz_enable is false).")
  end
  local clients = vim.lsp.get_clients({ name = server.NAME })
  if #clients == 0 then
    vim.health.warn('No client runs.', { 'Open a file that kibitz reviews, then look again.' })
    return
  end
  vim.iter(clients):each(check_client)
  examine(clients[1])
end

return M
