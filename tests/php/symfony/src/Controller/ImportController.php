<?php
declare(strict_types=1);

namespace App\Controller;

use App\Database;
use App\Entity\Entry;
use Doctrine\DBAL\Exception\UniqueConstraintViolationException;
use Doctrine\ORM\EntityManagerInterface;
use Symfony\Bundle\FrameworkBundle\Controller\AbstractController;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\Routing\Annotation\Route;

/** Fails after the first entry of a transaction, and goes on with another manager, as a worker does. */
final class ImportController extends AbstractController
{
    #[Route('/import', methods: ['POST'])]
    public function __invoke(EntityManagerInterface $entities, Database $database): Response
    {
        $entities->persist(new Entry('rolled back'));
        $entities->persist(new Entry('known'));
        try {
            $entities->flush();
            return new Response('', Response::HTTP_INTERNAL_SERVER_ERROR);
        } catch (UniqueConstraintViolationException) {
            $next = $database->open();
            $next->persist(new Entry('next'));
            $next->flush();
            return new Response();
        }
    }
}
