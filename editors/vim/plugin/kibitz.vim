" kibitz for Vim 8.2 and newer, by ALE: `ale_linters` has the linters, docs/editors/vim-ale.md the manual.
if exists('g:loaded_kibitz')
    finish
endif

let g:loaded_kibitz = 1

command! -nargs=? -complete=custom,kibitz#Complete Kibitz call kibitz#Run(<q-args>)

augroup kibitz
    autocmd!
    " News of findings are news of the status.
    autocmd User ALELintPost call kibitz#Refresh()
augroup END
