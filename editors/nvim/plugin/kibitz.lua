-- Starts kibitz for the file types that it reviews, and defines :Kibitz. `:help kibitz` says the rest.
if vim.g.loaded_kibitz then
  return
end
vim.g.loaded_kibitz = true

if vim.fn.has('nvim-0.11') == 0 then
  vim.notify('kibitz needs Neovim 0.11 or newer.', vim.log.levels.ERROR)
  return
end

vim.api.nvim_create_user_command('Kibitz', function(command)
  require('kibitz.commands').run(command)
end, {
  nargs = '*',
  range = true,
  desc = 'Ask kibitz, or tell it what to do',
  complete = function(lead, line)
    return require('kibitz.commands').complete(lead, line)
  end,
})

if vim.g.kibitz_enable ~= false then
  require('kibitz.server').enable()
end
