--- What the server said last about what it is doing, and the line that tells it.
local M = {}

---@class kibitz.Today
---@field requests integer
---@field inputTokens integer
---@field outputTokens integer
---@field costUsd number|vim.NIL not known

---@class kibitz.Status
---@field state 'off'|'paused'|'degraded'|'busy'|'idle'
---@field message string why, in a sentence without its full stop
---@field action string what the user can do; empty: nothing needs to be done
---@field reviews integer documents under review
---@field findings integer
---@field documents integer
---@field today kibitz.Today|vim.NIL not known
---@field model string

local MARKS = { off = ' off', paused = ' paused', degraded = ' !', busy = ' …', idle = '' }

---@type table<integer, kibitz.Status> by the id of the client
local known = {}

---@param client_id integer
---@param status kibitz.Status?
function M.update(client_id, status)
  known[client_id] = status
  vim.api.nvim_exec_autocmds('User', { pattern = 'KibitzStatus', modeline = false, data = status })
  vim.cmd.redrawstatus({ bang = true })
end

---@param client_id integer
function M.forget(client_id)
  if known[client_id] then
    M.update(client_id, nil)
  end
end

--- What the server of a buffer said last; nil where none runs.
---@param buffer? integer
---@return kibitz.Status?
function M.get(buffer)
  local client = vim.lsp.get_clients({ name = 'kibitz', bufnr = buffer or 0 })[1]
  return client and known[client.id]
end

--- What today cost, as people read it; empty where that is not known, or nothing.
---@param status kibitz.Status
---@return string
function M.cost(status)
  local usd = type(status.today) == 'table' and status.today.costUsd or 0
  if type(usd) ~= 'number' or usd == 0 then
    return ''
  end
  return (usd < 1 and '$%.4f' or '$%.2f'):format(usd)
end

--- For a status line.
---@param buffer? integer
---@return string
function M.line(buffer)
  local status = M.get(buffer)
  if status == nil then
    return ''
  end
  local parts = { 'kibitz' .. (MARKS[status.state] or '') }
  if status.findings > 0 then
    table.insert(parts, tostring(status.findings))
  end
  table.insert(parts, M.cost(status))
  return (vim.trim(table.concat(parts, ' ')):gsub('%%', '%%%%'))
end

return M
