call kibitz#ale#Define('cpp')
