call kibitz#ale#Define('rust')
