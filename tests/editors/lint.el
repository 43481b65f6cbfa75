;;; lint.el --- Compiles a package and looks at its style  -*- lexical-binding: t; -*-

;; emacs --batch -q -l lint.el FILE: prints what is wrong, and ends with 1 if anything is.

(package-initialize)
(require 'checkdoc)
(require 'package-lint)

(defvar lint-file (car command-line-args-left))
(defvar lint-found nil)

;; No archive is asked, so what is depended on has to be told; that Eglot is in GNU ELPA, too.
(setq package-archive-contents
      (list (list 'eglot (package-desc-create :name 'eglot :version '(1 17) :archive "gnu"))))
(when (boundp 'package-lint-backport-libraries)
  (push '(eglot "\\`eglot\\(-\\|\\'\\)") package-lint-backport-libraries))

(setq byte-compile-error-on-warn t
      byte-compile-dest-file-function (lambda (_) (make-temp-file "kibitz" nil ".elc")))
(unless (byte-compile-file lint-file)
  (push "it does not compile without warnings" lint-found))

(with-current-buffer (find-file-noselect lint-file)
  (emacs-lisp-mode)
  (let ((checkdoc-create-error-function
         (lambda (text start _end &optional _unfixable)
           (push (format "%d: %s" (line-number-at-pos start) text) lint-found)
           nil)))
    (checkdoc-current-buffer t))
  (pcase-dolist (`(,line ,_column ,type ,text) (package-lint-buffer))
    ;; The one of 2020 knows no release newer than itself.
    (unless (string-match-p "uninstallable in all released" text)
      (push (format "%d: %s: %s" line type text) lint-found))))

(dolist (each (nreverse lint-found))
  (princ (concat each "\n")))
(kill-emacs (if lint-found 1 0))

;;; lint.el ends here
