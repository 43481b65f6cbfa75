call kibitz#ale#Define('python')
