call kibitz#ale#Define('typescriptreact')
