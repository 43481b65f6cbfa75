call kibitz#ale#Define('c')
