call kibitz#ale#Define('php')
