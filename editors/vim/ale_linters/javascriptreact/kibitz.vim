call kibitz#ale#Define('javascriptreact')
