# Ce qui est dit aux personnes hors de la salle : avis par webhook et courriel, et rapport du matin.
#
# $room : nom ou identifiant de la salle. $what : ce qui est arrivé, une phrase. $at : un moment.
# $subject : une source ou plateforme. $lecture : son identifiant. $count : des cours. $left : une durée.

## Un problème

notice-fault = { $room } : { $what }
notice-still = { $room }, toujours : { $what }
notice-over = { $room }, terminé : { $what }
notice-over-line = C’est terminé, il n’y a plus rien à faire : { $what }
notice-kind = Quelque chose dans la salle demande l’aide de quelqu’un : { $code }.
    .safe = Les détails ne sont montrés que dans la salle.
    .todo = Voyez la page de l’enregistreur, ou son journal.
notice-since = Depuis : { $at }.
notice-subject = Concerne : { $subject }.
notice-lecture = Cours en cours : { $lecture }.
notice-from = Lectern, salle { $room }, { $at }.

## Un essai

notice-test = { $room } : un essai
notice-test-line = Quelqu’un a demandé si les avis arrivent ici. Ils arrivent, et il n’y a rien à faire.
notice-taken = L’avis d’essai a été accepté.
notice-reached = Il répond. Pour savoir s’il accepte les avis : lectern notify --test.
notice-leaving = Impossible de demander : l’enregistreur s’arrête.

## Le rapport du matin

report-title = { $room }, hier : enregistrés { $recorded }, envoyés { $sent }
report-recorded = Enregistrés hier : { $count }
report-sent = Dont envoyés : { $count }
report-stuck = Ont besoin de quelqu’un pour être achevés ou envoyés : { $count }
report-silent = Sans aucun son pendant un moment : { $count }
report-missed = Prévus et non enregistrés : { $count }
report-crashes = Redémarré après un plantage ou une coupure de courant : { $count }
report-disk = Place sur le disque pour : { $left }
report-next = Prochain cours : { $at }
report-no-next = Prochain cours : aucun n’est prévu
report-well = Rien ne demande l’aide de quelqu’un.
report-troubles = Ceci demande l’aide de quelqu’un :
